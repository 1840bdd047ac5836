/* Owners, modes, times and extended attributes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "layer_parts.h"

/* A layer of so many directories has some of them finished early: memory is bounded, and their
 * times may be those of what is put into them later. */
#define FINISHING_BYTES_MAX (64u << 20)

/* What would speak to the file system that layers are stacked with, in the voice of the
 * user: never out of an image. */
static const char *const stacking[] = {
    "user.overlay.",          "trusted.overlay.",        "user.fuseoverlayfs.",
    "trusted.fuseoverlayfs.", "security.fuseoverlayfs.", "user.containers.override_stat",
};

void id_map_read(const char *path, struct id_map *ret_map) {
  FILE *file = fopen(path, "re");
  long long first;
  long long size;

  ret_map->count = 0;
  if (file == NULL)
    return;
  while (ret_map->count < LAYER_EXTENTS_MAX && fscanf(file, "%lld %*d %lld", &first, &size) == 2) {
    ret_map->extents[ret_map->count].first = first;
    ret_map->extents[ret_map->count].size = size;
    ret_map->count++;
  }
  (void) fclose(file);
}

static int is_mapped(const struct id_map *map, int64_t id) {
  for (size_t i = 0; i < map->count; i++)
    if (id >= map->extents[i].first && id - map->extents[i].first < map->extents[i].size)
      return 1;
  return map->count == 0 && id >= 0 && id < UINT32_MAX;
}

/* Errors show when the file is closed. */
static void note_owner(struct layer *layer, const char *path, const struct tar_entry *entry) {
  layer->summary.unmapped++;
  if (layer->owners != NULL)
    (void) fprintf(layer->owners, "%lld:%lld:%o:%s%c", (long long) entry->uid,
                   (long long) entry->gid, entry->mode, path, '\0');
}

struct attributes attributes_of(struct layer *layer, const char *path,
                                const struct tar_entry *entry) {
  const int has_uid = is_mapped(&layer->uids, entry->uid);
  const int has_gid = is_mapped(&layer->gids, entry->gid);
  unsigned mode = entry->mode;

  if (!has_uid)
    mode &= ~(unsigned) S_ISUID;
  if (!has_gid)
    mode &= ~(unsigned) S_ISGID;
  if (!has_uid || !has_gid)
    note_owner(layer, path, entry);
  return (struct attributes){
      .uid = has_uid ? (uid_t) entry->uid : 0,
      .gid = has_gid ? (gid_t) entry->gid : 0,
      .mode = mode,
      .mtime = {entry->mtime, entry->mtime_nsec},
      .xattrs = entry->xattrs,
      .xattr_count = entry->xattr_count,
  };
}

static int is_stacking(const char *name) {
  for (size_t i = 0; i < sizeof stacking / sizeof *stacking; i++)
    if (strncmp(name, stacking[i], strlen(stacking[i])) == 0)
      return 1;
  return 0;
}

/* ext4 has room for few attributes, and says that in the words of a full disk. */
static int is_full(const struct layer *layer) {
  struct statvfs fs;

  return fstatvfs(layer->root, &fs) < 0 || fs.f_bavail == 0;
}

/* What this kernel, file system or user cannot have: an unknown name space, a privileged one, an id
 * of another namespace, a value that is none or too long. */
static int is_refusal(const struct layer *layer, int errnum) {
  switch (errnum) {
    case ENOTSUP:
    case EPERM:
    case EINVAL:
    case E2BIG:
    case ERANGE: return 1;
    case ENOSPC: return !is_full(layer);
    default: return 0;
  }
}

int attributes_put_xattr(struct layer *layer, int fd, const char *base,
                         const struct tar_xattr *xattr, struct failure *why) {
  int r = 0;

  if (is_stacking(xattr->name)) {
    layer->summary.xattrs++;
    return 0;
  }
  r = base == NULL ? fsetxattr(fd, xattr->name, xattr->value, xattr->size, 0)
                   : lsetxattr(base, xattr->name, xattr->value, xattr->size, 0);
  if (r == 0)
    return 0;
  if (!is_refusal(layer, errno))
    return fail(why, errno, "set attribute %.60s", xattr->name);
  layer->summary.xattrs++;
  return 0;
}

int attributes_put_on_file(struct layer *layer, int fd, const struct attributes *attributes,
                           struct failure *why) {
  const struct timespec times[2] = {attributes->mtime, attributes->mtime};

  if ((attributes->uid | attributes->gid) != 0 && fchown(fd, attributes->uid, attributes->gid) < 0)
    return fail(why, errno, "set owner");
  /* After the owner, whose change takes capabilities and set-id bits away. */
  for (size_t i = 0; i < attributes->xattr_count; i++)
    if (attributes_put_xattr(layer, fd, NULL, &attributes->xattrs[i], why) < 0)
      return -why->errnum;
  if ((attributes->mode & 07000) != 0 && fchmod(fd, attributes->mode) < 0)
    return fail(why, errno, "set mode");
  if (futimens(fd, times) < 0)
    return fail(why, errno, "set time");
  return 0;
}

static int put_xattrs(struct layer *layer, int parent, const char *base,
                      const struct attributes *attributes, struct failure *why) {
  if (attributes->xattr_count == 0)
    return 0;
  /* There is no lsetxattrat() before Linux 6.13. */
  if (fchdir(parent) < 0)
    return fail(why, errno, "enter parent");
  for (size_t i = 0; i < attributes->xattr_count; i++)
    if (attributes_put_xattr(layer, -1, base, &attributes->xattrs[i], why) < 0)
      return -why->errnum;
  return 0;
}

int attributes_put_on(struct layer *layer, int parent, const char *base, int is_new,
                      const struct attributes *attributes, struct failure *why) {
  const int has_owner = !is_new || (attributes->uid | attributes->gid) != 0;

  if (has_owner &&
      fchownat(parent, base, attributes->uid, attributes->gid, AT_SYMLINK_NOFOLLOW) < 0)
    return fail(why, errno, "set owner");
  return put_xattrs(layer, parent, base, attributes, why);
}

int attributes_put_again(struct layer *layer, const struct place *place, const struct stat *st,
                         const struct attributes *attributes, struct failure *why) {
  const struct timespec times[2] = {attributes->mtime, attributes->mtime};
  /* The same owner once more would take capabilities and set-id bits away. */
  const int is_owned = st->st_uid == attributes->uid && st->st_gid == attributes->gid;

  if (!is_owned && fchownat(place->parent, place->base, attributes->uid, attributes->gid,
                            AT_SYMLINK_NOFOLLOW) < 0)
    return fail(why, errno, "set owner");
  if (put_xattrs(layer, place->parent, place->base, attributes, why) < 0)
    return -why->errnum;
  if (!S_ISLNK(st->st_mode) && (!is_owned || (st->st_mode & 07777) != attributes->mode) &&
      fchmodat(place->parent, place->base, attributes->mode, 0) < 0)
    return fail(why, errno, "set mode");
  if (utimensat(place->parent, place->base, times, AT_SYMLINK_NOFOLLOW) < 0)
    return fail(why, errno, "set time");
  return 0;
}

static int finish(struct layer *layer, const struct finishing *directory, struct failure *why) {
  const struct timespec times[2] = {directory->mtime, directory->mtime};
  struct stat st;

  /* Something else may have taken its name since. */
  if (layer->has_replaced &&
      (fstatat(layer->root, directory->path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode)))
    return 0;
  /* Set-id bits rub off on what is made inside, so they come last. */
  if (((directory->mode & 07000) != 0 || layer->has_merged) &&
      fchmodat(layer->root, directory->path, directory->mode, 0) < 0)
    return fail(why, errno, "apply %.120s: set mode", directory->path);
  if (utimensat(layer->root, directory->path, times, AT_SYMLINK_NOFOLLOW) < 0)
    return fail(why, errno, "apply %.120s: set time", directory->path);
  return 0;
}

int attributes_finish_all(struct layer *layer, struct failure *why) {
  int r = 0;

  for (size_t i = 0; i < layer->finishing_count; i++) {
    if (r == 0)
      r = finish(layer, &layer->finishing[i], why);
    free(layer->finishing[i].path);
  }
  layer->finishing_count = layer->finishing_bytes = 0;
  return r;
}

int attributes_finish_later(struct layer *layer, const char *path, unsigned mode,
                            struct timespec mtime, struct failure *why) {
  if (layer->finishing_bytes > FINISHING_BYTES_MAX && attributes_finish_all(layer, why) < 0)
    return -why->errnum;
  if (layer->finishing_count == layer->finishing_room) {
    const size_t room = layer->finishing_room == 0 ? 1024 : 2 * layer->finishing_room;
    struct finishing *grown = realloc(layer->finishing, room * sizeof *grown);

    if (grown == NULL)
      return fail(why, ENOMEM, "remember directory");
    layer->finishing = grown;
    layer->finishing_room = room;
  }
  char *copy = strdup(path[0] == '\0' ? "." : path);
  if (copy == NULL)
    return fail(why, ENOMEM, "remember directory");
  layer->finishing_bytes += sizeof *layer->finishing + strlen(copy);
  layer->finishing[layer->finishing_count++] = (struct finishing){copy, mtime, mode};
  return 0;
}
