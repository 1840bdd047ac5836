#include "filesystem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/process.h"
#include "../core/syscalls.h"

#define FUSE_MAGIC 0x65735546
#define TIMEOUT_MS 30000

static bool is_mounted(const char *target) {
  struct statfs status;

  return statfs(target, &status) == 0 && status.f_type == FUSE_MAGIC;
}

static _Noreturn void become_filesystem(char *const *argv, int words, pid_t parent) {
  const int nothing = open("/dev/null", O_RDWR);

  (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent)
    _exit(EXIT_FAILURE);
  process_reset_signals();
  (void) dup2(nothing, 0);
  (void) dup2(nothing, 1);
  (void) dup2(words, 2);
  (void) sys_close_range(3, ~0U, 0);
  (void) execvp(argv[0], argv);
  (void) dprintf(2, "exec %s: %s", argv[0], strerror(errno));
  _exit(EXIT_FAILURE);
}

/* What the program wrote to stderr before it gave up, on one line. */
static int give_up(int words, struct failure *why) {
  char text[256];
  const ssize_t n = pread(words, text, sizeof text - 1, 0);

  text[n < 0 ? 0 : n] = '\0';
  text[strcspn(text, "\n")] = '\0';
  return fail(why, EIO, "mount fuse-overlayfs: %s", text[0] == '\0' ? "it ended" : text);
}

/* poll(2) on mountinfo wakes at every change of this mount namespace (proc(5)). */
static int wait_mounted(const char *target, int pidfd, int words, struct failure *why) {
  autoclose int mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
  struct pollfd polled[] = {
      {.fd = mounts, .events = POLLPRI},
      {.fd = pidfd, .events = POLLIN},
  };

  if (mounts < 0)
    return fail(why, errno, "open /proc/self/mountinfo");
  while (!is_mounted(target)) {
    const int n = poll(polled, sizeof polled / sizeof *polled, TIMEOUT_MS);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return fail(why, errno, "wait for fuse-overlayfs");
    if (n == 0)
      return fail(why, ETIMEDOUT, "wait for fuse-overlayfs");
    if (polled[1].revents != 0)
      return give_up(words, why);
  }
  return 0;
}

int filesystem_start(const char *target, char *const *argv, pid_t *ret_pid, struct failure *why) {
  autoclose int words = memfd_create("fuse-overlayfs", MFD_CLOEXEC);
  autoclose int pidfd = -1;
  const pid_t self = getpid();
  int r;

  if (unshare(CLONE_NEWNS) < 0)
    return fail(why, errno, "make a mount namespace");
  if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
    return fail(why, errno, "stop mounts from reaching the host");

  struct clone_args arguments = {
      .flags = CLONE_PIDFD,
      .pidfd = (uint64_t) (uintptr_t) &pidfd,
      .exit_signal = SIGCHLD,
  };
  const pid_t pid = sys_clone3(&arguments);
  if (pid < 0)
    return fail(why, errno, "clone");
  if (pid == 0)
    become_filesystem(argv, words, self);

  r = wait_mounted(target, pidfd, words, why);
  if (r < 0) {
    filesystem_stop(target, pid);
    return r;
  }
  *ret_pid = pid;
  return 0;
}

/* Lazily: the container's own mount namespace may take a moment to go. */
void filesystem_stop(const char *target, pid_t pid) {
  (void) umount2(target, MNT_DETACH);
  (void) kill(pid, SIGKILL);
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
    continue;
}
