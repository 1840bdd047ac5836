/* fuzz_executable.c — a file of any bytes, refused by execve() for any reason: "ERRNO FILE". */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../core/executable.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const int errnums[] = {ENOEXEC, ENOENT, EACCES, EIO, ELOOP};
  static int fd = -1;
  char *const nothing[] = {NULL};
  struct failure why;
  char path[32];

  if (fd < 0)
    fd = memfd_create("fuzz", 0);
  if (fd < 0 || size == 0 || ftruncate(fd, 0) < 0 || fchmod(fd, data[0] & 1 ? 0755 : 0644) < 0 ||
      pwrite(fd, data + 1, size - 1, 0) != (ssize_t) (size - 1))
    return 0;
  (void) snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  const struct execution execution = {path, nothing, nothing};
  (void) executable_fail(&execution, errnums[data[0] / 2 % 5], &why);
  return 0;
}
