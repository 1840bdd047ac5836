/* What the layers below show: what missing parents look like, and files to link to. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"
#include "layer_parts.h"

#define XATTR_LIST_BYTES 65536

/* Not by fchdir() and a path: the working directory would be outside of our root then. */
static int is_opaque(int lower, const char *path) {
  autoclose int fd = fd_open_inside(lower, path, O_RDONLY | O_DIRECTORY);
  char value = '\0';

  return fd >= 0 && fgetxattr(fd, "user.overlay.opaque", &value, 1) == 1 && value == 'y';
}

/* What one lower layer has to say about a name. */
enum view { VIEW_NOTHING, VIEW_FOUND, VIEW_HIDES };

/* A name below something that is no directory is hidden, and so is all under an opaque one.
 * Then no layer further down counts. */
static enum view look(int lower, const char *path, int *ret_fd, struct stat *ret_st) {
  char prefix[LAYER_PATH_SIZE];
  enum view otherwise = VIEW_NOTHING;
  size_t end = 0;

  memcpy(prefix, path, strlen(path) + 1);
  do {
    end += strcspn(path + end, "/");
    prefix[end] = '\0';
    autoclose int fd = fd_open_inside(lower, prefix, O_PATH);
    if (fd < 0 || fstat(fd, ret_st) < 0)
      return otherwise;
    if (path[end] == '\0') {
      *ret_fd = steal_fd(&fd);
      return place_is_whiteout(ret_st) ? VIEW_HIDES : VIEW_FOUND;
    }
    if (!S_ISDIR(ret_st->st_mode))
      return VIEW_HIDES;
    if (is_opaque(lower, prefix))
      otherwise = VIEW_HIDES;
    prefix[end++] = '/';
  } while (1);
}

/* 1: the nearest layer that has something to say shows it; `lower` is that layer. */
static int find(const struct layer *layer, const char *path, int *ret_lower, int *ret_fd,
                struct stat *ret_st) {
  for (size_t i = 0; i < layer->lower_count; i++) {
    autoclose int fd = -1;
    const enum view view = look(layer->lowers[i], path, &fd, ret_st);

    if (view == VIEW_HIDES)
      return 0;
    if (view == VIEW_FOUND) {
      *ret_lower = layer->lowers[i];
      *ret_fd = steal_fd(&fd);
      return 1;
    }
  }
  return 0;
}

int lower_wait(struct layer *layer, struct failure *why) {
  int (*wait)(struct failure * why) = layer->wait;

  layer->wait = NULL;
  return wait == NULL || layer->lower_count == 0 ? 0 : wait(why);
}

int lower_shows(const struct layer *layer, const char *path) {
  autoclose int fd = -1;
  struct stat st;
  int lower;

  return find(layer, path, &lower, &fd, &st);
}

int lower_is_hidden(const struct layer *layer, const char *path) {
  autoclose int fd = -1;
  struct stat st;

  return look(layer->root, path, &fd, &st) == VIEW_HIDES;
}

int lower_is_cut_off(const struct layer *layer, const char *path) {
  char prefix[LAYER_PATH_SIZE];

  for (const char *slash = path; (slash = strchr(slash, '/')) != NULL; slash++) {
    const size_t end = (size_t) (slash - path);

    memcpy(prefix, path, end);
    prefix[end] = '\0';
    if (is_opaque(layer->root, prefix))
      return 1;
  }
  return 0;
}

int lower_directory(struct layer *layer, const char *path, struct stat *ret_st, int *ret_fd,
                    struct failure *why) {
  autoclose int fd = -1;
  struct stat st;
  int lower;

  if (lower_wait(layer, why) < 0)
    return -why->errnum;
  if (!find(layer, path, &lower, &fd, &st) || !S_ISDIR(st.st_mode))
    return 0;
  const int readable = fd_open_inside(lower, path, O_RDONLY | O_DIRECTORY);
  if (readable < 0)
    return fail(why, errno, "open lower %s", path);
  *ret_fd = readable;
  *ret_st = st;
  return 1;
}

static int copy_xattr(struct layer *layer, int from, int to, const char *name,
                      struct failure *why) {
  char value[XATTR_LIST_BYTES];
  const ssize_t size = fgetxattr(from, name, value, sizeof value);

  if (size < 0)
    return 0; /* not for us to read, so neither to give */
  return attributes_put_xattr(layer, to, NULL, &(struct tar_xattr){name, value, (size_t) size},
                              why);
}

int lower_copy_xattrs(struct layer *layer, int from, int to, struct failure *why) {
  char names[XATTR_LIST_BYTES];
  const ssize_t size = flistxattr(from, names, sizeof names);
  const uint64_t counted = layer->summary.xattrs;

  for (const char *name = names; size > 0 && name < names + size; name += strlen(name) + 1)
    if (copy_xattr(layer, from, to, name, why) < 0)
      return -why->errnum;
  layer->summary.xattrs = counted; /* that counts what the tar asked for */
  return 0;
}

static int copy_contents(int from, int to, int64_t size, struct failure *why) {
  while (size > 0) {
    ssize_t n = copy_file_range(from, NULL, to, NULL, (size_t) size, 0);

    if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS))
      n = sendfile(to, from, NULL, (size_t) size);
    if (n < 0)
      return fail(why, errno, "copy from lower layer");
    if (n == 0)
      break;
    size -= n;
  }
  return 0;
}

static int copy_file(struct layer *layer, const struct place *place, int from,
                     const struct stat *st, struct failure *why) {
  const struct attributes attributes = {
      .uid = st->st_uid, .gid = st->st_gid, .mode = st->st_mode & 07777, .mtime = st->st_mtim};
  autoclose int to = -1;

  if (create_open(layer, place, attributes.mode, &to, why) < 0)
    return -why->errnum;
  if (copy_contents(from, to, st->st_size, why) < 0)
    return -why->errnum;
  if (attributes_put_on_file(layer, to, &attributes, why) < 0)
    return -why->errnum;
  return lower_copy_xattrs(layer, from, to, why);
}

int lower_copy_up(struct layer *layer, const char *path, struct failure *why) {
  autoclose int fd = -1;
  struct place place;
  struct stat st;
  int lower;

  if (lower_wait(layer, why) < 0)
    return -why->errnum;
  if (lower_is_hidden(layer, path) || !find(layer, path, &lower, &fd, &st))
    return fail(why, ENOENT, "find %s in this layer or below", path);
  if (!S_ISREG(st.st_mode))
    return fail(why, S_ISDIR(st.st_mode) ? EISDIR : EOPNOTSUPP, "link to %s of a lower layer",
                path);
  autoclose int from = fd_open_inside(lower, path, O_RDONLY);
  if (from < 0)
    return fail(why, errno, "open %s in lower layer", path);
  memcpy(place.path, path, strlen(path) + 1);
  if (place_open(layer, &place, why) < 0)
    return -why->errnum;
  return copy_file(layer, &place, from, &st, why);
}
