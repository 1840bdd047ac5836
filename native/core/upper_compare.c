/* What was copied up is not always changed: opened for writing, linked to, given the owner that it
 * had. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cleanup.h"
#include "upper_parts.h"

#define XATTR_BYTES 65536 /* XATTR_LIST_MAX, XATTR_SIZE_MAX */
#define PIECE 65536

static bool has_other_stat(const struct stat *one, const struct stat *other) {
  if (one->st_mode != other->st_mode || one->st_uid != other->st_uid ||
      one->st_gid != other->st_gid || one->st_rdev != other->st_rdev)
    return true;
  /* Neither size nor time of a directory tells what the container did to it. */
  return !S_ISDIR(one->st_mode) &&
         (one->st_size != other->st_size || one->st_mtim.tv_sec != other->st_mtim.tv_sec ||
          one->st_mtim.tv_nsec != other->st_mtim.tv_nsec);
}

static bool is_overlays_own(const char *name) {
  static const char *const prefixes[] = {"user.overlay.", "trusted.overlay.",
                                         "user.fuseoverlayfs."};

  for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
    if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
      return true;
  return false;
}

/* 0 where there are none, or none may be had. */
static size_t list_xattrs(int fd, char *names) {
  const ssize_t size = flistxattr(fd, names, XATTR_BYTES);

  return size < 0 ? 0 : (size_t) size;
}

static size_t count_xattrs(const char *names, size_t size) {
  size_t count = 0;

  for (const char *name = names; name < names + size; name += strlen(name) + 1)
    count += !is_overlays_own(name);
  return count;
}

struct xattrs {
  char names[XATTR_BYTES];
  char other_names[XATTR_BYTES];
  char value[XATTR_BYTES];
  char other_value[XATTR_BYTES];
};

static bool have_same_value(struct xattrs *xattrs, int one, int other, const char *name) {
  const ssize_t size = fgetxattr(one, name, xattrs->value, XATTR_BYTES);
  const ssize_t other_size = fgetxattr(other, name, xattrs->other_value, XATTR_BYTES);

  return size == other_size &&
         (size <= 0 || memcmp(xattrs->value, xattrs->other_value, (size_t) size) == 0);
}

/* An attribute that one lacks has another size there: -1. */
static int have_other_xattrs(int one, int other, struct failure *why) {
  autofree struct xattrs *xattrs = malloc(sizeof *xattrs);

  if (xattrs == NULL)
    return fail(why, ENOMEM, "compare attributes");
  const size_t size = list_xattrs(one, xattrs->names);
  const size_t other_size = list_xattrs(other, xattrs->other_names);
  if (count_xattrs(xattrs->names, size) != count_xattrs(xattrs->other_names, other_size))
    return 1;
  for (const char *name = xattrs->names; name < xattrs->names + size; name += strlen(name) + 1)
    if (!is_overlays_own(name) && !have_same_value(xattrs, one, other, name))
      return 1;
  return 0;
}

static ssize_t read_piece(int fd, char *bytes, off_t at) {
  size_t used = 0;

  while (used < PIECE) {
    const ssize_t n = pread(fd, bytes + used, PIECE - used, at + (off_t) used);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return n;
    if (n == 0)
      break;
    used += (size_t) n;
  }
  return (ssize_t) used;
}

static int have_other_contents(int one, int other, struct failure *why) {
  autofree char *bytes = malloc(2 * PIECE);

  if (bytes == NULL)
    return fail(why, ENOMEM, "compare contents");
  for (off_t at = 0;; at += PIECE) {
    const ssize_t n = read_piece(one, bytes, at);
    const ssize_t other_n = read_piece(other, bytes + PIECE, at);

    if (n < 0 || other_n < 0)
      return fail(why, errno, "compare contents");
    if (n != other_n || memcmp(bytes, bytes + PIECE, (size_t) n) != 0)
      return 1;
    if (n < PIECE)
      return 0;
  }
}

/* Attributes of links are root's alone, and few file systems have them: not looked at. */
static int have_other_targets(int one, int other, struct failure *why) {
  char target[PATH_MAX];
  char other_target[PATH_MAX];
  const ssize_t size = readlinkat(one, "", target, sizeof target);
  const ssize_t other_size = readlinkat(other, "", other_target, sizeof other_target);

  if (size < 0 || other_size < 0)
    return fail(why, errno, "read link");
  return size != other_size || memcmp(target, other_target, (size_t) size) != 0;
}

int upper_differs(struct upper *upper, struct failure *why) {
  const struct upper_entry *entry = &upper->entry;
  const mode_t type = entry->st.st_mode & S_IFMT;
  const int flags = S_ISLNK(type) ? O_PATH : O_RDONLY | O_NONBLOCK;

  if (upper->state == UPPER_RELEASED) /* as it was when it was held */
    return 0;
  if (has_other_stat(&entry->st, &entry->below))
    return 1;
  if (!S_ISREG(type) && !S_ISDIR(type) && !S_ISLNK(type))
    return 0;
  autoclose int one = openat(entry->parent, entry->name, flags | O_NOFOLLOW | O_CLOEXEC);
  if (one < 0 && errno == ENOENT)
    return 1; /* gone meanwhile */
  autoclose int other = one < 0 ? -1 : upper_open_below(upper, flags);
  if (one < 0 || other < 0)
    return fail(why, one < 0 ? errno : -other, "open %.200s", entry->path);
  if (S_ISLNK(type))
    return have_other_targets(one, other, why);
  const int r = have_other_xattrs(one, other, why);
  return r != 0 || S_ISDIR(type) ? r : have_other_contents(one, other, why);
}
