/* Files, directories, links and fifos of a layer. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cleanup.h"
#include "layer_parts.h"
#include "tar_contents.h"

int create_open(struct layer *layer, const struct place *place, unsigned mode, int *ret_fd,
                struct failure *why) {
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  int fd = openat(place->parent, place->base, flags, mode & 0777);

  if (fd < 0 && errno == EEXIST) {
    if (place_clear(layer, place, why) < 0)
      return -why->errnum;
    fd = openat(place->parent, place->base, flags, mode & 0777);
  }
  if (fd < 0)
    return fail(why, errno, "create file");
  *ret_fd = fd;
  return 0;
}

int create_file(struct layer *layer, const struct place *place, struct tar *tar, int64_t size,
                const struct attributes *attributes, struct failure *why) {
  autoclose int fd = -1;

  if (create_open(layer, place, attributes->mode, &fd, why) < 0)
    return -why->errnum;
  if (tar_contents_write(tar, size, fd, why) < 0)
    return -why->errnum;
  if (attributes_put_on_file(layer, fd, attributes, why) < 0)
    return -why->errnum;
  /* NFS and quotas tell here that there is no room. */
  if (close(steal_fd(&fd)) < 0)
    return fail(why, errno, "write file");
  return 0;
}

/* A directory that is there stays, with what is in it; all else makes room. */
static int create_directory_again(struct layer *layer, const struct place *place, unsigned mode,
                                  int *ret_is_new, struct failure *why) {
  struct stat st;

  if (fstatat(place->parent, place->base, &st, AT_SYMLINK_NOFOLLOW) < 0)
    return fail(why, errno, "look at what is there");
  if (S_ISDIR(st.st_mode)) {
    *ret_is_new = 0;
    /* The root is always there, which says nothing yet. */
    layer->has_merged |= place->path[0] != '\0' || layer->has_root;
    if ((st.st_mode & 07777) != mode && fchmodat(place->parent, place->base, mode, 0) < 0)
      return fail(why, errno, "set mode");
    return 0;
  }
  if (place_clear(layer, place, why) < 0)
    return -why->errnum;
  if (mkdirat(place->parent, place->base, mode) < 0)
    return fail(why, errno, "create directory");
  return place_is_whiteout(&st) ? whiteout_make_opaque(place->parent, place->base, why) : 0;
}

int create_directory(struct layer *layer, const struct place *place,
                     const struct attributes *attributes, struct failure *why) {
  const unsigned mode = attributes->mode & 0777;
  int is_new = 1;

  if (mkdirat(place->parent, place->base, mode) < 0) {
    if (errno != EEXIST)
      return fail(why, errno, "create directory");
    if (create_directory_again(layer, place, mode, &is_new, why) < 0)
      return -why->errnum;
  }
  layer->has_root |= place->path[0] == '\0';
  if (attributes_put_on(layer, place->parent, place->base, is_new, attributes, why) < 0)
    return -why->errnum;
  return attributes_finish_later(layer, place->path, attributes->mode, attributes->mtime, why);
}

static int put_attributes(struct layer *layer, const struct place *place,
                          const struct attributes *attributes, struct failure *why) {
  const struct timespec times[2] = {attributes->mtime, attributes->mtime};

  if (attributes_put_on(layer, place->parent, place->base, 1, attributes, why) < 0)
    return -why->errnum;
  if (utimensat(place->parent, place->base, times, AT_SYMLINK_NOFOLLOW) < 0)
    return fail(why, errno, "set time");
  return 0;
}

int create_symlink(struct layer *layer, const struct place *place, const char *target,
                   const struct attributes *attributes, struct failure *why) {
  int r = symlinkat(target, place->parent, place->base);

  if (r < 0 && errno == EEXIST) {
    if (place_clear(layer, place, why) < 0)
      return -why->errnum;
    r = symlinkat(target, place->parent, place->base);
  }
  if (r < 0)
    return fail(why, errno, "create symbolic link");
  return put_attributes(layer, place, attributes, why);
}

int create_fifo(struct layer *layer, const struct place *place, const struct attributes *attributes,
                struct failure *why) {
  const mode_t mode = S_IFIFO | (attributes->mode & 0777);
  int r = mknodat(place->parent, place->base, mode, 0);

  if (r < 0 && errno == EEXIST) {
    if (place_clear(layer, place, why) < 0)
      return -why->errnum;
    r = mknodat(place->parent, place->base, mode, 0);
  }
  if (r < 0)
    return fail(why, errno, "create fifo");
  return put_attributes(layer, place, attributes, why);
}
