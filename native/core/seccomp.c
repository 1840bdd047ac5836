#include "seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zlib.h>

#include "cleanup.h"
#include "fd.h"

#define AFTER_CHECKSUM offsetof(struct seccomp_header, flags)
#define MAX_BYTES (sizeof(struct seccomp_header) + BPF_MAXINSNS * sizeof(struct sock_filter))

uint32_t seccomp_checksum(const struct seccomp_header *header,
                          const struct sock_filter *instructions) {
  const unsigned char *from = (const unsigned char *) header + AFTER_CHECKSUM;
  const uLong sum = crc32(0, from, sizeof *header - AFTER_CHECKSUM);
  const size_t size = header->count * sizeof *instructions;

  return (uint32_t) crc32(sum, (const unsigned char *) instructions, (uInt) size);
}

static int check(const char *path, const char *bytes, size_t size, struct failure *why) {
  struct seccomp_header header;

  if (size < sizeof header)
    return fail(why, EBADMSG, "read seccomp filter %s: cut short", path);
  memcpy(&header, bytes, sizeof header);
  if (memcmp(header.magic, SECCOMP_FILE_MAGIC, sizeof header.magic) != 0 ||
      header.version != SECCOMP_FILE_VERSION)
    return fail(why, EBADMSG, "read seccomp filter %s: not one of this version", path);
  if (header.count == 0 || header.count > BPF_MAXINSNS ||
      size != sizeof header + header.count * sizeof(struct sock_filter))
    return fail(why, EBADMSG, "read seccomp filter %s: not as long as it says", path);
  if (header.checksum !=
      seccomp_checksum(&header,
                       (const struct sock_filter *) (const void *) (bytes + sizeof header)))
    return fail(why, EBADMSG, "read seccomp filter %s: its checksum is another", path);
  return 0;
}

int seccomp_filter_read(const char *path, struct seccomp_filter *ret_filter, struct failure *why) {
  autofree char *bytes = NULL;
  struct seccomp_header header;
  size_t size = 0;
  int r;

  r = fd_read_file(AT_FDCWD, path, MAX_BYTES, &bytes, &size, why);
  if (r < 0)
    return r;
  r = check(path, bytes, size, why);
  if (r < 0)
    return r;

  memcpy(&header, bytes, sizeof header);
  *ret_filter = (struct seccomp_filter){
      .flags = header.flags,
      .count = (unsigned short) header.count,
      .instructions = (struct sock_filter *) (void *) (bytes + sizeof header),
      .bytes = bytes,
  };
  bytes = NULL;
  return 0;
}

void seccomp_filter_free(struct seccomp_filter *filter) {
  free(filter->bytes);
  *filter = (struct seccomp_filter){0};
}

int seccomp_filter_install(const struct seccomp_filter *filter, struct failure *why) {
  const struct sock_fprog program = {.len = filter->count, .filter = filter->instructions};

  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, filter->flags, &program) < 0)
    return fail(why, errno, "install the seccomp filter");
  return 0;
}
