/* seccomp_stub.h — instructions in front of libseccomp's: for system calls that it does not know.
 *
 * A C library tries new calls first and takes ENOSYS for "this kernel is older": EPERM in its place
 * is a failure (fchmodat2 in glibc 2.39). So what is newer than the newest call of the profile
 * gets ENOSYS, as runc has it; and names that this libseccomp is too old for are looked up here.
 */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../core/seccomp_rules.h"

#define SECCOMP_STUB_MAX 512

struct seccomp_stub {
  size_t count;
  struct sock_filter instructions[SECCOMP_STUB_MAX];
};

/* The number on an architecture (SCMP_ARCH_…) of a call that libseccomp may lack, or -1. */
int seccomp_stub_number(uint32_t arch, const char *name);

/* The instructions for these rules; `tokens` are the architectures' SCMP_ARCH_…, the machine's own
 * first. ENOTSUP for what can be carried out neither here nor by libseccomp. */
int seccomp_stub_build(const struct seccomp_rules *rules, const uint32_t *tokens,
                       struct seccomp_stub *ret_stub, struct failure *why);
