/* test_seccomp.c — from rules to a filter's file, and what the filter says to calls.
 *
 * The filter is run here, by an interpreter of the few instructions there are: so it can be asked
 * about any call of any architecture.
 */
#include "../core/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../init/verb.h"
#include "tap.h"

#define X32 0x40000000u
#define ALLOW SECCOMP_RET_ALLOW
#define ERRNO(number) (SECCOMP_RET_ERRNO | (number))

#if defined(__x86_64__)
#define OWN "x86_64"
#define OWN_AUDIT AUDIT_ARCH_X86_64
#define OTHERS "arch x86\narch x32\n"
enum { NR_READ = 0, NR_MKDIRAT = 258, NR_CLONE = 56, NR_CLONE3 = 435, NR_UNSHARE = 272 };
#elif defined(__aarch64__)
#define OWN "aarch64"
#define OWN_AUDIT AUDIT_ARCH_AARCH64
#define OTHERS "arch arm\n"
enum { NR_READ = 63, NR_MKDIRAT = 34, NR_CLONE = 220, NR_CLONE3 = 435, NR_UNSHARE = 97 };
#endif

#define RULES                                                                                      \
  "marmita-seccomp 1\nflags 4\ndefault ERRNO 1\narch " OWN "\n" OTHERS "enosys\n"                  \
  "rule ALLOW 0 read\nrule ALLOW 0 openat2\nrule ERRNO 38 clone3\n"                                \
  "rule ALLOW 0 clone 0:MASKED_EQ:2114060288:0\nrule ALLOW 0 fchmodat2\nrule ALLOW 0 statmount\n"  \
  "rule ALLOW 0 no_such_call\n"

static char folder[] = "/tmp/marmita-test-XXXXXX";
static char path[sizeof folder + 16];

/* The verb's own way: rules on descriptor 0, the file it makes in `path`. */
static int compile(const char *rules) {
  const int fd = memfd_create("rules", 0);
  struct failure why = {0};
  char *argv[] = {path, NULL};

  if (write(fd, rules, strlen(rules)) != (ssize_t) strlen(rules) || dup2(fd, STDIN_FILENO) < 0)
    _exit(1);
  close(fd);
  (void) lseek(STDIN_FILENO, 0, SEEK_SET);
  (void) unlink(path);
  return seccomp_main(1, argv, &why);
}

static uint32_t word_at(const struct seccomp_data *data, uint32_t offset) {
  uint32_t word = 0;

  if (offset + sizeof word <= sizeof *data)
    memcpy(&word, (const char *) data + offset, sizeof word);
  return word;
}

/* linux/filter.h, as far as seccomp filters go. */
static uint32_t ask_data(const struct seccomp_filter *filter, const struct seccomp_data *data) {
  uint32_t a = 0;

  for (size_t at = 0; at < filter->count; at++) {
    const struct sock_filter *one = &filter->instructions[at];

    switch (one->code) {
      case BPF_LD | BPF_W | BPF_ABS: a = word_at(data, one->k); break;
      case BPF_ALU | BPF_AND | BPF_K: a &= one->k; break;
      case BPF_JMP | BPF_JA: at += one->k; break;
      case BPF_JMP | BPF_JEQ | BPF_K: at += a == one->k ? one->jt : one->jf; break;
      case BPF_JMP | BPF_JGT | BPF_K: at += a > one->k ? one->jt : one->jf; break;
      case BPF_JMP | BPF_JGE | BPF_K: at += a >= one->k ? one->jt : one->jf; break;
      case BPF_JMP | BPF_JSET | BPF_K: at += (a & one->k) != 0 ? one->jt : one->jf; break;
      case BPF_RET | BPF_K: return one->k;
      default: return 0xbad;
    }
  }
  return 0xbad;
}

static uint32_t ask(const struct seccomp_filter *filter, uint32_t arch, int number,
                    uint64_t argument) {
  const struct seccomp_data data = {.nr = number, .arch = arch, .args = {argument}};

  return ask_data(filter, &data);
}

static void test_answers(void) {
  struct seccomp_filter filter;
  struct failure why = {0};

  is_int(compile(RULES), 0, "rules become a file");
  is_int(seccomp_filter_read(path, &filter, &why), 0, "which is read");
  is_int(filter.flags, 4, "with its flags");

  is_int(ask(&filter, OWN_AUDIT, NR_READ, 0), ALLOW, "what is allowed is allowed");
  is_int(ask(&filter, OWN_AUDIT, NR_UNSHARE, 0), ERRNO(EPERM), "what is not named is not");
  is_int(ask(&filter, OWN_AUDIT, NR_CLONE, 0x11), ALLOW, "a condition that holds allows");
  is_int(ask(&filter, OWN_AUDIT, NR_CLONE, 0x10000011), ERRNO(EPERM), "one that does not, not");
  is_int(ask(&filter, OWN_AUDIT, NR_CLONE3, 0), ERRNO(ENOSYS), "a rule has its own errno");
  is_int(ask(&filter, OWN_AUDIT, 452, 0), ALLOW, "a call newer than libseccomp is known");
  is_int(ask(&filter, OWN_AUDIT, 457, 0), ALLOW, "and another");
  is_int(ask(&filter, OWN_AUDIT, 454, 0), ERRNO(EPERM), "one between them is not allowed");
  is_int(ask(&filter, OWN_AUDIT, 458, 0), ERRNO(ENOSYS), "what is newer than all is unknown");
  is_int(ask(&filter, OWN_AUDIT, 9999, 0), ERRNO(ENOSYS), "much newer too");
  is_int(ask(&filter, AUDIT_ARCH_RISCV64, NR_READ, 0), SECCOMP_RET_KILL_THREAD,
         "another architecture's calls end the program");
#if defined(__x86_64__)
  is_int(ask(&filter, AUDIT_ARCH_I386, 3, 0), ALLOW, "32-bit programs have their own numbers");
  is_int(ask(&filter, AUDIT_ARCH_I386, 310, 0), ERRNO(EPERM), "and are filtered by them");
  is_int(ask(&filter, AUDIT_ARCH_I386, 452, 0), ALLOW, "the newer calls too");
  is_int(ask(&filter, AUDIT_ARCH_I386, 9999, 0), ERRNO(ENOSYS), "and the unknown ones");
  is_int(ask(&filter, OWN_AUDIT, (int) (X32 | 0), 0), ALLOW, "x32 has its own");
  is_int(ask(&filter, OWN_AUDIT, (int) (X32 | 272), 0), ERRNO(EPERM), "it is filtered too");
  is_int(ask(&filter, OWN_AUDIT, (int) (X32 | 457), 0), ALLOW, "with the newer calls");
  is_int(ask(&filter, OWN_AUDIT, (int) (X32 | 999), 0), ERRNO(ENOSYS), "and the unknown ones");
#endif
  seccomp_filter_free(&filter);
}

static void test_permissive(void) {
  struct seccomp_filter filter;
  struct failure why = {0};

  is_int(compile("marmita-seccomp 1\ndefault ALLOW 0\narch " OWN "\nrule ERRNO 13 mkdirat\n"
                 "rule ERRNO 14 fchmodat2\n"),
         0, "a list of what is forbidden");
  (void) seccomp_filter_read(path, &filter, &why);
  is_int(ask(&filter, OWN_AUDIT, NR_MKDIRAT, 0), ERRNO(13), "forbids what is in it");
  is_int(ask(&filter, OWN_AUDIT, 452, 0), ERRNO(14), "newer calls too");
  is_int(ask(&filter, OWN_AUDIT, 9999, 0), ALLOW, "and allows all others");
  seccomp_filter_free(&filter);

  is_int(compile("marmita-seccomp 1\ndefault ALLOW 0\narch " OWN "\n"), 0, "no rule at all");
  const bool is_known = seccomp_syscall_resolve_name("file_setattr") != __NR_SCMP_ERROR;
  is_int(compile("marmita-seccomp 1\ndefault ALLOW 0\narch " OWN
                 "\nrule ERRNO 1 file_setattr 0:EQ:1:0\n"),
         is_known ? 0 : -ENOTSUP, "what could not be carried out is refused");
  is_int(compile("marmita-seccomp 1\ndefault ALLOW 0\narch mips\n"), -EBADMSG,
         "a foreign architecture as well");
  is_int(compile("rubbish\n"), -EBADMSG, "rubbish as well");
  is_int(access(path, F_OK), -1, "of which no file is left");
}

/* Every byte changed once: whatever it was, it is no filter any more. */
static void test_damage(void) {
  struct seccomp_filter filter;
  struct failure why = {0};
  static char bytes[65536];
  int refused = 1;

  (void) compile(RULES);
  int fd = open(path, O_RDWR | O_CLOEXEC);
  const ssize_t size = read(fd, bytes, sizeof bytes);
  for (ssize_t at = 0; at < size; at++) {
    const char damaged = (char) (bytes[at] ^ 0x10);

    (void) pwrite(fd, &damaged, 1, at);
    refused = refused && seccomp_filter_read(path, &filter, &why) == -EBADMSG;
    (void) pwrite(fd, &bytes[at], 1, at);
  }
  is_int(refused, 1, "a file with one byte changed is refused");
  refused = 1;
  for (ssize_t cut = size - 1; cut >= 0; cut -= 7) {
    (void) ftruncate(fd, cut);
    refused = refused && seccomp_filter_read(path, &filter, &why) == -EBADMSG;
  }
  is_int(refused, 1, "one that is cut short is refused");
  close(fd);
  (void) unlink(path);
  is_int(seccomp_filter_read(path, &filter, &why), -ENOENT, "one that is gone is told as such");
}

static int in_filter(void) {
  struct seccomp_filter filter;
  struct failure why = {0};

  if (seccomp_filter_read(path, &filter, &why) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
      seccomp_filter_install(&filter, &why) < 0)
    return 1;
  if (mkdirat(AT_FDCWD, "/tmp", 0700) != -1 || errno != 99)
    return 2;
  return prctl(PR_GET_SECCOMP) == SECCOMP_MODE_FILTER ? 0 : 3;
}

static void test_install(void) {
  int status = 0;

  (void) compile("marmita-seccomp 1\ndefault ALLOW 0\narch " OWN "\nrule ERRNO 99 mkdirat\n");
  const pid_t pid = fork();
  if (pid == 0)
    _exit(in_filter());
  (void) waitpid(pid, &status, 0);
  is_int(status, 0, "a process takes a filter on, and keeps to it");
}

int main(void) {
  if (mkdtemp(folder) == NULL)
    return 1;
  snprintf(path, sizeof path, "%s/filter", folder);
  test_answers();
  test_permissive();
  test_damage();
  test_install();
  (void) unlink(path);
  (void) rmdir(folder);
  return done_testing();
}
