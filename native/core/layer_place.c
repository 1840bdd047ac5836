/* Names: from the text in a tar to a name in an open directory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "layer_parts.h"
#include "tree.h"

int place_is_whiteout(const struct stat *st) {
  return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

static void pop(struct directories *directories) {
  (void) close(directories->levels[--directories->depth].fd);
}

void place_forget(struct layer *layer) {
  while (layer->directories.depth > 0)
    pop(&layer->directories);
  layer->is_stale = 0;
}

/* Close what is not on the way to the first `size` bytes of `path`. */
static void pop_to(struct directories *directories, const char *path, size_t size) {
  while (directories->depth > 0) {
    const size_t end = directories->levels[directories->depth - 1].end;

    if (end <= size && (end == size || path[end] == '/') &&
        memcmp(path, directories->path, end) == 0)
      return;
    pop(directories);
  }
}

/* When all levels are taken, the last one moves on. */
static void push(struct directories *directories, int fd, size_t end) {
  if (directories->depth == LAYER_LEVELS)
    pop(directories);
  directories->levels[directories->depth].fd = fd;
  directories->levels[directories->depth].end = end;
  directories->depth++;
}

/* Where in `path` the first name stands that is not open yet. */
static size_t opened(const struct directories *directories) {
  return directories->depth == 0 ? 0 : directories->levels[directories->depth - 1].end + 1;
}

static int innermost(const struct layer *layer) {
  const int depth = layer->directories.depth;

  return depth == 0 ? layer->root : layer->directories.levels[depth - 1].fd;
}

/* A parent that no entry made: it looks as it does below, if it shows there. */
static int make_missing(struct layer *layer, int parent, const char *base, const char *path,
                        struct failure *why) {
  struct stat st = {.st_mode = 0755};
  autoclose int lower = -1;

  const int is_below = lower_directory(layer, path, &st, &lower, why);
  if (is_below < 0)
    return is_below;
  if (mkdirat(parent, base, st.st_mode & 0777) < 0)
    return fail(why, errno, "create parent %s", path);
  if (!is_below)
    return 0;

  autoclose int fd = openat(parent, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return fail(why, errno, "open parent %s", path);
  if ((st.st_uid | st.st_gid) != 0 && fchown(fd, st.st_uid, st.st_gid) < 0)
    return fail(why, errno, "set owner of parent %s", path);
  if (lower_copy_xattrs(layer, lower, fd, why) < 0)
    return -why->errnum;
  return attributes_finish_later(layer, path, st.st_mode & 07777, st.st_mtim, why);
}

/* The layer said it is deleted below, and then puts something into it: a new directory. */
static int make_instead_of_whiteout(int parent, const char *base, const char *path,
                                    struct failure *why) {
  struct stat st;

  if (fstatat(parent, base, &st, AT_SYMLINK_NOFOLLOW) < 0 || !place_is_whiteout(&st))
    return fail(why, ENOTDIR, "open parent %s", path);
  if (unlinkat(parent, base, 0) < 0 || mkdirat(parent, base, 0755) < 0)
    return fail(why, errno, "create parent %s", path);
  return whiteout_make_opaque(parent, base, why);
}

static int open_parent(int parent, const char *base) {
  return openat(parent, base, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* `path` ends with `base`. */
static int open_or_make(struct layer *layer, const char *base, const char *path,
                        struct failure *why) {
  const int parent = innermost(layer);
  struct stat st;
  int fd = open_parent(parent, base);
  int r = 0;

  if (fd >= 0)
    return fd;
  if (errno == ENOENT && fstatat(parent, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
    r = make_missing(layer, parent, base, path, why);
  else if (errno == ENOTDIR)
    r = make_instead_of_whiteout(parent, base, path, why);
  else
    return fail(why, errno, "open parent %s", path);
  if (r < 0)
    return r;
  fd = open_parent(parent, base);
  return fd >= 0 ? fd : fail(why, errno, "open parent %s", path);
}

int place_open(struct layer *layer, struct place *place, struct failure *why) {
  struct directories *directories = &layer->directories;
  char *path = place->path;
  const char *slash = strrchr(path, '/');
  const size_t size = slash == NULL ? 0 : (size_t) (slash - path);

  if (layer->is_stale)
    place_forget(layer);
  pop_to(directories, path, size);
  for (size_t done; (done = opened(directories)) < size;) {
    const size_t end = done + strcspn(path + done, "/");

    path[end] = '\0';
    const int fd = open_or_make(layer, path + done, path, why);
    path[end] = '/';
    if (fd < 0)
      return fd;
    memcpy(directories->path + done, path + done, end + 1 - done);
    push(directories, fd, end);
  }
  place->parent = innermost(layer);
  place->base = path[0] == '\0' ? "." : path + (slash == NULL ? 0 : size + 1);
  return 0;
}

int place_clear(struct layer *layer, const struct place *place, struct failure *why) {
  if (place->path[0] == '\0')
    return fail(why, EBADMSG, "replace the root of the layer");
  /* It may have been a link on the way to directories that are open by that name. */
  layer->is_stale = 1;
  layer->has_replaced = 1;
  return tree_remove(place->parent, place->base, why);
}
