/* Whiteouts: image-spec, layer.md, "Whiteouts". They hide what is below this layer, and never
 * what this layer itself brings, in whatever order the two come. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"
#include "layer_parts.h"

/* Of a layer with more of them some are looked at early, when a directory may not be opaque yet. */
#define WHITEOUT_BYTES_MAX (16u << 20)

#define PREFIX ".wh."
#define OPAQUE ".wh..wh..opq"
#define META ".wh..wh." /* aufs' own: of no meaning to anybody else */

int whiteout_make_opaque(int parent, const char *base, struct failure *why) {
  if (fchdir(parent) < 0 || lsetxattr(base, "user.overlay.opaque", "y", 1, 0) < 0)
    return fail(why, errno, "make directory opaque");
  return 0;
}

static int hide(const struct place *place, struct failure *why) {
  struct stat st;

  if (mknodat(place->parent, place->base, S_IFCHR, 0) == 0)
    return 0;
  if (errno != EEXIST)
    return fail(why, errno, "create whiteout");
  if (fstatat(place->parent, place->base, &st, AT_SYMLINK_NOFOLLOW) < 0)
    return fail(why, errno, "look at what is there");
  return S_ISDIR(st.st_mode) ? whiteout_make_opaque(place->parent, place->base, why) : 0;
}

/* An overlay's topmost directory cannot be opaque: each name in it is hidden by itself. */
static int hide_all(struct layer *layer, int lower, struct failure *why) {
  struct place place = {.parent = layer->root};
  int fd = openat(lower, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = fd < 0 ? NULL : fdopendir(fd);
  const struct dirent *entry;
  int r = 0;

  if (dir == NULL)
    return fail(why, errno, "read lower layer");
  while (r == 0 && (entry = readdir(dir)) != NULL) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
      continue;
    place.base = entry->d_name;
    r = hide(&place, why);
  }
  (void) closedir(dir);
  return r;
}

static int make_opaque(struct layer *layer, struct place *place, struct failure *why) {
  if (strchr(place->path, '/') != NULL)
    return whiteout_make_opaque(place->parent, ".", why);
  if (lower_wait(layer, why) < 0)
    return -why->errnum;
  for (size_t i = 0; i < layer->lower_count; i++)
    if (hide_all(layer, layer->lowers[i], why) < 0)
      return -why->errnum;
  return 0;
}

/* No part of a path but its last name may look like a whiteout: fuse-overlayfs would take
 * the directory for one. */
static int check_parents(const char *path, const char *base, struct failure *why) {
  for (const char *at = path; at < base; at += strcspn(at, "/") + 1) {
    if (strncmp(at, META, strlen(META)) == 0)
      return 1;
    if (strncmp(at, PREFIX, strlen(PREFIX)) == 0)
      return fail(why, EBADMSG, "is below a whiteout");
  }
  return 0;
}

/* Whether it hides anything is known when all entries are there: a directory on the way may become
 * opaque later. */
static int remember(struct layer *layer, const char *path, struct failure *why) {
  if (layer->whiteout_bytes > WHITEOUT_BYTES_MAX && whiteout_finish(layer, why) < 0)
    return -why->errnum;
  if (layer->whiteout_count == layer->whiteout_room) {
    const size_t room = layer->whiteout_room == 0 ? 64 : 2 * layer->whiteout_room;
    char **grown = realloc(layer->whiteouts, room * sizeof *grown);

    if (grown == NULL)
      return fail(why, ENOMEM, "remember whiteout");
    layer->whiteouts = grown;
    layer->whiteout_room = room;
  }
  char *copy = strdup(path);
  if (copy == NULL)
    return fail(why, ENOMEM, "remember whiteout");
  layer->whiteout_bytes += sizeof *layer->whiteouts + strlen(copy);
  layer->whiteouts[layer->whiteout_count++] = copy;
  return 0;
}

/* One that was made through a link hides what has another name: it stays. */
static int take_away_useless(struct layer *layer, const char *path, struct failure *why) {
  autoclose int fd = fd_open_inside(layer->root, path, O_PATH);
  struct stat st;

  if (fd < 0 || fstat(fd, &st) < 0 || !place_is_whiteout(&st))
    return 0;
  if (lower_shows(layer, path) && !lower_is_cut_off(layer, path))
    return 0;
  if (unlinkat(layer->root, path, 0) < 0)
    return fail(why, errno, "remove whiteout %.60s", path);
  return 0;
}

int whiteout_finish(struct layer *layer, struct failure *why) {
  int r = layer->whiteout_count == 0 ? 0 : lower_wait(layer, why);

  for (size_t i = 0; i < layer->whiteout_count; i++) {
    if (r == 0)
      r = take_away_useless(layer, layer->whiteouts[i], why);
    free(layer->whiteouts[i]);
  }
  layer->whiteout_count = layer->whiteout_bytes = 0;
  return r;
}

int whiteout_add(struct layer *layer, const char *path, struct place *place, struct failure *why) {
  const char *slash = strrchr(path, '/');
  const char *base = slash == NULL ? path : slash + 1;
  const size_t parents = (size_t) (base - path);
  const int r = check_parents(path, base, why);

  if (r != 0)
    return r;
  memcpy(place->path, path, strlen(path) + 1);
  if (strncmp(base, PREFIX, strlen(PREFIX)) != 0)
    return place_open(layer, place, why);

  const int is_opaque = strcmp(base, OPAQUE) == 0;
  const char *hidden = base + strlen(PREFIX);
  if (!is_opaque && strncmp(base, META, strlen(META)) == 0)
    return 1;
  if (hidden[0] == '\0' || strcmp(hidden, ".") == 0 || strcmp(hidden, "..") == 0)
    return fail(why, EBADMSG, "is a whiteout of nothing");
  if (!is_opaque)
    memcpy(place->path + parents, hidden, strlen(hidden) + 1);
  if (place_open(layer, place, why) < 0)
    return -why->errnum;
  int done = is_opaque ? make_opaque(layer, place, why) : hide(place, why);
  if (done == 0 && !is_opaque)
    done = remember(layer, place->path, why);
  return done < 0 ? done : 1;
}
