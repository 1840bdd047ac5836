#include "companion.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/process.h"
#include "../core/syscalls.h"

/* Each at a number that no dup2() below overwrites. */
static void place_files(const int files[static 3]) {
  int lifted[3];

  for (int fd = 0; fd < 3; fd++) {
    const int source = files[fd] < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : files[fd];

    lifted[fd] = fcntl(source, F_DUPFD_CLOEXEC, 3);
  }
  for (int fd = 0; fd < 3; fd++)
    (void) dup2(lifted[fd], fd);
}

/* execve() leaves capabilities to root alone, which the caller need not be in this namespace. What
 * it gets may be opened once more, by way of /proc/self/fd, when it has given them up. */
static void become_root(const int files[static 3]) {
  for (int fd = 0; fd < 3; fd++)
    if (files[fd] >= 0)
      (void) fchown(files[fd], 0, 0);
  if (setresgid(0, 0, 0) == 0)
    (void) setresuid(0, 0, 0);
}

static _Noreturn void become(char *const *argv) {
  process_reset_signals();
  (void) execvp(argv[0], argv);
  (void) dprintf(STDERR_FILENO, "exec %s: %s", argv[0], strerror(errno));
  _exit(EXIT_FAILURE);
}

/* The kernel forgets the signal when ids change, so they come first. */
static void die_with(int parent) {
  struct pollfd gone = {.fd = parent, .events = POLLIN};

  (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (poll(&gone, 1, 0) != 0)
    _exit(EXIT_FAILURE);
}

/* The first process of a pid namespace, in which the program is the second: it ends with us. By
 * itself it may outlive its parent: a security module that gives it a profile when it is executed
 * has the kernel forget its parent death signal (apparmor: passt). */
static _Noreturn void guard(char *const *argv) {
  int status = 0;
  const pid_t pid = fork();

  if (pid == 0)
    become(argv);
  (void) prctl(PR_SET_NAME, "marmita-guard");
  (void) sys_close_range(0, ~0U, 0);
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
    continue;
  if (pid < 0)
    _exit(EXIT_FAILURE);
  /* As a shell tells it: a first process cannot die of a signal of its own. */
  _exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

static pid_t clone_with(uint64_t flags, int *ret_pidfd) {
  struct clone_args arguments = {
      .flags = CLONE_PIDFD | flags,
      .pidfd = (uint64_t) (uintptr_t) ret_pidfd,
      .exit_signal = SIGCHLD,
  };

  return (pid_t) sys_clone3(&arguments);
}

static int start(char *const *argv, const int files[static 3], bool is_guarded,
                 struct companion *ret_companion) {
  autoclose int self = sys_pidfd_open(getpid());
  int pidfd = -1;

  const pid_t pid = clone_with(is_guarded ? CLONE_NEWPID : 0, &pidfd);
  if (pid < 0)
    return -errno;
  if (pid == 0) {
    become_root(files);
    die_with(self);
    place_files(files);
    (void) sys_close_range(3, ~0U, 0);
    if (is_guarded)
      guard(argv);
    become(argv);
  }
  *ret_companion = (struct companion){.pid = pid, .pidfd = pidfd};
  return 0;
}

int companion_start(char *const *argv, const int files[static 3], struct companion *ret_companion,
                    struct failure *why) {
  const int r = start(argv, files, false, ret_companion);

  return r < 0 ? fail(why, -r, "clone") : 0;
}

int companion_start_guarded(char *const *argv, const int files[static 3],
                            struct companion *ret_companion, struct failure *why) {
  const int r = start(argv, files, true, ret_companion);

  return r < 0 ? fail(why, -r, "clone") : 0;
}

void companion_stop(struct companion *companion, int *ret_status) {
  if (companion->pid == 0)
    return;
  (void) kill(companion->pid, SIGKILL);
  while (waitpid(companion->pid, ret_status, 0) < 0 && errno == EINTR)
    continue;
  (void) close(companion->pidfd);
  *companion = COMPANION_NONE;
}
