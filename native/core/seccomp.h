/* seccomp.h — a compiled seccomp filter: its file, and how a process takes it on (seccomp(2)).
 *
 * `marmita-init seccomp` writes such files, once for each set of rules; every start reads one.
 * The file is this machine's: a header, then `count` instructions as the kernel takes them.
 */
#pragma once

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#include "failure.h"

#define SECCOMP_FILE_MAGIC "MSCF"
#define SECCOMP_FILE_VERSION 1

struct seccomp_header {
  char magic[4];
  uint32_t version;
  uint32_t checksum; /* CRC-32 of everything after this field */
  uint32_t flags;    /* SECCOMP_FILTER_FLAG_… */
  uint32_t count;    /* instructions that follow */
};

struct seccomp_filter {
  uint32_t flags;
  unsigned short count;
  struct sock_filter *instructions; /* within `bytes` */
  char *bytes;
};

/* What the header is to say of these instructions, of which there are `header->count`. */
uint32_t seccomp_checksum(const struct seccomp_header *header,
                          const struct sock_filter *instructions);

/* EBADMSG when the file is not whole, or not one of this version. */
int seccomp_filter_read(const char *path, struct seccomp_filter *ret_filter, struct failure *why);
void seccomp_filter_free(struct seccomp_filter *filter);

/* For this thread and all it starts, for good. Without no_new_privs it needs CAP_SYS_ADMIN in the
 * thread's user namespace. */
int seccomp_filter_install(const struct seccomp_filter *filter, struct failure *why);
