#include "tar_contents.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"

/* Less than that would be no hole in most file systems. */
#define HOLE_BYTES 4096

/* What one piece tells of it: a file that was nothing but a hole comes as zeros without end. */
static bool is_hole(const unsigned char *bytes, size_t size) {
  return size >= HOLE_BYTES && bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

int tar_contents_write(struct tar *tar, int64_t size, int fd, struct failure *why) {
  const unsigned char *bytes = NULL;
  int64_t offset = 0;
  int64_t end = 0;
  int n;

  while ((n = tar_read(tar, &bytes, &offset, why)) > 0) {
    if (is_hole(bytes, (size_t) n))
      continue;
    if (offset != end && lseek(fd, offset, SEEK_SET) < 0)
      return fail(why, errno, "seek");
    if (fd_write_all(fd, bytes, (size_t) n, why) < 0)
      return -why->errnum;
    end = offset + n;
  }
  if (n < 0)
    return n;
  if (end < size && ftruncate(fd, size) < 0)
    return fail(why, errno, "set size");
  return 0;
}
