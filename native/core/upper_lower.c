/* What the layers below show, by the rules of overlayfs: the nearest that has a name decides;
 * directories of one name are merged, down to one that is opaque, or to what is none. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "upper_parts.h"

void upper_close_lowers(struct upper *upper) {
  while (upper->below_count > 0)
    (void) close(upper->below[--upper->below_count]);
  upper->below_depth = 0;
}

/* Below image `host` lies what its owner may enter and not read. */
static int open_directory(int lower, const char *path) {
  const int fd = fd_open_inside(lower, path, O_RDONLY | O_DIRECTORY);

  return fd < 0 && errno == EACCES ? fd_open_inside(lower, path, O_PATH | O_DIRECTORY) : fd;
}

int upper_open_lowers(struct upper *upper, struct failure *why) {
  struct upper_level *level = &upper->levels[upper->depth - 1];
  char path[PATH_MAX];
  size_t kept = 0;

  if (upper->below_depth == upper->depth)
    return 0;
  upper_close_lowers(upper);
  memcpy(path, upper->path, level->path_size);
  path[level->path_size] = '\0';
  for (size_t i = 0; i < level->lower_count; i++) {
    const int fd = open_directory(upper->lowers[level->lowers[i]], path);

    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
      continue; /* of image `host` it may be gone meanwhile */
    if (fd < 0)
      return fail(why, errno, "open %.200s in a lower layer", path);
    upper->below[upper->below_count++] = fd;
    level->lowers[kept++] = level->lowers[i];
    /* Of the root of a layer it does not count, as overlayfs has it. */
    if (level->path_size > 0 && upper_is_opaque(fd, UPPER_KERNEL))
      break;
  }
  level->lower_count = kept;
  upper->below_depth = upper->depth;
  return 0;
}

int upper_look_below(struct upper *upper, const char *name, struct failure *why) {
  const struct upper_level *level = &upper->levels[upper->depth - 1];
  struct stat st;

  upper->entry.is_below = false;
  upper->found_count = 0;
  if (level->lower_count == 0)
    return 0;
  if (upper_open_lowers(upper, why) < 0)
    return -why->errnum;
  for (size_t i = 0; i < level->lower_count; i++) {
    if (fstatat(upper->below[i], name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
      if (errno == ENOENT || errno == EACCES)
        continue;
      return fail(why, errno, "look at %.200s in a lower layer", name);
    }
    if (upper_is_whiteout(&st))
      return 0;
    if (!upper->entry.is_below) {
      upper->entry.is_below = true;
      upper->entry.below = st;
      upper->entry.lower = level->lowers[i];
    }
    if (!S_ISDIR(st.st_mode))
      return 0;
    upper->found[upper->found_count++] = level->lowers[i];
  }
  return 0;
}

int upper_open_below(struct upper *upper, int flags) {
  const struct upper_entry *entry = &upper->entry;
  const int fd = fd_open_inside(upper->lowers[entry->lower], entry->path, flags);

  return fd < 0 ? -errno : fd;
}
