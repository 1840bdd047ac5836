/* Bytes, owners, modes, times and extended attributes of one file. */
#include "copy_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"

#define BUFFER (256u << 10)
#define MAX_XATTRS 65536 /* XATTR_LIST_MAX, XATTR_SIZE_MAX */

/* Some file systems have none, and some values are for others to set. */
static int is_refused(int errnum) {
  return errnum == ENOTSUP || errnum == EPERM || errnum == EINVAL || errnum == EACCES;
}

/* Overlay's own would be read as its orders by the next: they are copied with a whole layer only.
 */
static bool is_private(const char *name, bool is_layer) {
  const bool is_overlays =
      strncmp(name, "user.overlay.", 13) == 0 || strncmp(name, "user.fuseoverlayfs.", 19) == 0;

  return (is_overlays && !is_layer) || strncmp(name, "trusted.", 8) == 0;
}

static int copy_xattr(int from, int to, const char *name, struct failure *why) {
  autofree char *value = malloc(MAX_XATTRS);

  if (value == NULL)
    return fail(why, ENOMEM, "copy attributes");
  const ssize_t size = fgetxattr(from, name, value, MAX_XATTRS);
  if (size < 0)
    return errno == ENODATA || is_refused(errno) ? 0 : fail(why, errno, "read %s", name);
  if (fsetxattr(to, name, value, (size_t) size, 0) < 0 && !is_refused(errno))
    return fail(why, errno, "set %s", name);
  return 0;
}

static int copy_xattrs(int from, int to, bool is_layer, struct failure *why) {
  const ssize_t size = flistxattr(from, NULL, 0);

  if (size <= 0)
    return size == 0 || is_refused(errno) ? 0 : fail(why, errno, "list attributes");

  autofree char *names = malloc(MAX_XATTRS);
  if (names == NULL)
    return fail(why, ENOMEM, "copy attributes");
  const ssize_t used = flistxattr(from, names, MAX_XATTRS);
  if (used < 0)
    return fail(why, errno, "list attributes");
  for (const char *name = names; name < names + used; name += strlen(name) + 1) {
    const int r = is_private(name, is_layer) ? 0 : copy_xattr(from, to, name, why);
    if (r < 0)
      return r;
  }
  return 0;
}

/* In this order: a change of owner takes set-user-ID bits and capabilities away. */
int copy_attributes_of(int from, int to, bool is_layer, struct failure *why) {
  struct stat status;
  mode_t kept = 07777;
  int r;

  if (fstat(from, &status) < 0)
    return fail(why, errno, "look at the file");
  if (fchown(to, status.st_uid, status.st_gid) < 0) {
    if (!is_refused(errno))
      return fail(why, errno, "set the owner");
    kept = 01777; /* what runs as its owner must not run as another */
  }
  if (fchmod(to, status.st_mode & kept) < 0)
    return fail(why, errno, "set the mode");
  r = copy_xattrs(from, to, is_layer, why);
  if (r < 0)
    return r;
  const struct timespec times[] = {status.st_atim, status.st_mtim};
  return futimens(to, times) < 0 ? fail(why, errno, "set the times") : 0;
}

int copy_attributes(int from, int to, struct failure *why) {
  return copy_attributes_of(from, to, false, why);
}

static int copy_by_hand(int from, int to, off_t at, off_t end, struct failure *why) {
  autofree char *buffer = malloc(BUFFER);

  if (buffer == NULL)
    return fail(why, ENOMEM, "copy");
  if (lseek(from, at, SEEK_SET) < 0 || lseek(to, at, SEEK_SET) < 0)
    return fail(why, errno, "seek");
  while (at < end) {
    const size_t most = (size_t) (end - at) < BUFFER ? (size_t) (end - at) : BUFFER;
    const ssize_t n = read(from, buffer, most);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return fail(why, errno, "read");
    if (n == 0)
      return 0;
    const int r = fd_write_all(to, buffer, (size_t) n, why);
    if (r < 0)
      return r;
    at += n;
  }
  return 0;
}

/* The kernel shares blocks, or copies by itself, where both file systems let it. */
static int copy_range(int from, int to, off_t start, off_t end, struct failure *why) {
  off_t at = start, target = start;

  while (at < end) {
    const ssize_t n = copy_file_range(from, &at, to, &target, (size_t) (end - at), 0);
    if (n > 0 || (n < 0 && errno == EINTR))
      continue;
    if (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO || errno == EFBIG))
      return fail(why, errno, "write");
    return copy_by_hand(from, to, at, end, why);
  }
  return 0;
}

/* Holes stay holes. */
int copy_bytes(int from, int to, off_t size, struct failure *why) {
  off_t at = 0;

  while (at < size) {
    const off_t data = lseek(from, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO)
      break;
    if (data < 0)
      return copy_range(from, to, at, size, why);
    const off_t hole = lseek(from, data, SEEK_HOLE);
    const off_t end = hole < 0 || hole > size ? size : hole;
    const int r = copy_range(from, to, data, end, why);
    if (r < 0)
      return r;
    at = end;
  }
  return ftruncate(to, size) < 0 ? fail(why, errno, "set the size") : 0;
}
