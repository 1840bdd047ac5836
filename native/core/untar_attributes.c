/* Owners, modes, times and extended attributes. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "untar_parts.h"

#define SET_IDS 06000u

static bool begins_with(const char *name, const char *prefix) {
  return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* Capabilities and access control lists name who may do what: they go with owners, or stay in
 * containers, where nobody is who he is outside. */
static bool is_wanted(const struct untar *untar, const char *name) {
  static const char *const stacking[] = {"user.overlay.", "user.fuseoverlayfs.",
                                         "user.containers.override_stat"};

  for (size_t i = 0; i < sizeof stacking / sizeof *stacking; i++)
    if (begins_with(name, stacking[i]))
      return false;
  if (begins_with(name, "user."))
    return true;
  return (untar->options->is_inside || untar->options->keeps_owners) &&
         (begins_with(name, "system.posix_acl_") || strcmp(name, "security.capability") == 0);
}

/* Not ours to give, or of an id that this user namespace does not have. */
static bool is_refused(int errnum) {
  return errnum == EPERM || errnum == EINVAL || errnum == EOVERFLOW;
}

/* 1: it has the owner it is to have. */
static int give(struct untar *untar, int parent, const char *name, const struct tar_entry *entry,
                struct failure *why) {
  const bool has_ids =
      entry->uid >= 0 && entry->uid < UINT32_MAX && entry->gid >= 0 && entry->gid < UINT32_MAX;

  if (!untar->options->keeps_owners)
    return untar->options->is_inside;
  if (has_ids && fchownat(parent, name, (uid_t) entry->uid, (gid_t) entry->gid,
                          AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) == 0)
    return 1;
  if (has_ids && !is_refused(errno))
    return fail(why, errno, "set owner");
  untar->summary.unowned++;
  return 0;
}

static unsigned mode_of(const struct tar_entry *entry, bool is_owned) {
  return is_owned ? entry->mode : entry->mode & ~SET_IDS;
}

static int set_xattrs(const struct untar *untar, int fd, const struct tar_entry *entry,
                      struct failure *why) {
  for (size_t i = 0; i < entry->xattr_count; i++) {
    const struct tar_xattr *xattr = &entry->xattrs[i];

    if (!is_wanted(untar, xattr->name) ||
        fsetxattr(fd, xattr->name, xattr->value, xattr->size, 0) == 0)
      continue;
    if (!is_refused(errno) && errno != ENOTSUP && errno != EACCES)
      return fail(why, errno, "set attribute %.60s", xattr->name);
  }
  return 0;
}

/* A change of owner takes set-id bits and capabilities away, so that comes first. */
int untar_dress(struct untar *untar, int fd, const struct tar_entry *entry, struct failure *why) {
  const struct timespec mtime = {entry->mtime, entry->mtime_nsec};
  const struct timespec times[2] = {mtime, mtime};
  const int is_owned = give(untar, fd, "", entry, why);

  if (is_owned < 0)
    return is_owned;
  if (fchmod(fd, mode_of(entry, is_owned)) < 0)
    return fail(why, errno, "set mode");
  if (set_xattrs(untar, fd, entry, why) < 0)
    return -why->errnum;
  return futimens(fd, times) < 0 ? fail(why, errno, "set time") : 0;
}

int untar_dress_name(struct untar *untar, int parent, const char *name,
                     const struct tar_entry *entry, struct failure *why) {
  const struct timespec mtime = {entry->mtime, entry->mtime_nsec};
  const struct timespec times[2] = {mtime, mtime};

  if (give(untar, parent, name, entry, why) < 0)
    return -why->errnum;
  if (utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) < 0)
    return fail(why, errno, "set time");
  return 0;
}
