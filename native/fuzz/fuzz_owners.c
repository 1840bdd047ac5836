/* fuzz_owners.c — a table of owners of any bytes: it is refused, or each of its rows is found. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../core/owners.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void find_all(const struct owners *owners, const uint8_t *data, size_t size) {
  const char *text = (const char *) data;
  struct owner owner;

  for (size_t at = 0; at < size; at += strlen(text + at) + 1) {
    const char *path = text + at;

    for (int colons = 0; colons < 3; colons++)
      path = strchr(path, ':') + 1;
    assert(owners_find(owners, 0, path, &owner) == 1);
    assert(owner.uid >= 0 && owner.gid >= 0 && owner.mode <= 07777);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct owners *owners = NULL;
  struct failure why = {0};
  char path[64];
  char *tables[] = {path, NULL};

  const int fd = memfd_create("owners", MFD_CLOEXEC);
  assert(fd >= 0 && write(fd, data, size) == (ssize_t) size);
  (void) snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  const int r = owners_open(tables, &owners, &why);
  if (r == 0)
    find_all(owners, data, size);
  else
    assert(r == -EBADMSG);
  owners_close(owners);
  (void) close(fd);
  return 0;
}
