#include "companion.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

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

static _Noreturn void become(char *const *argv, const int files[static 3], pid_t parent) {
  become_root(files);
  (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent)
    _exit(EXIT_FAILURE);
  process_reset_signals();
  place_files(files);
  (void) sys_close_range(3, ~0U, 0);
  (void) execvp(argv[0], argv);
  (void) dprintf(STDERR_FILENO, "exec %s: %s", argv[0], strerror(errno));
  _exit(EXIT_FAILURE);
}

int companion_start(char *const *argv, const int files[static 3], struct companion *ret_companion,
                    struct failure *why) {
  const pid_t self = getpid();
  int pidfd = -1;

  struct clone_args arguments = {
      .flags = CLONE_PIDFD,
      .pidfd = (uint64_t) (uintptr_t) &pidfd,
      .exit_signal = SIGCHLD,
  };
  const pid_t pid = sys_clone3(&arguments);
  if (pid < 0)
    return fail(why, errno, "clone");
  if (pid == 0)
    become(argv, files, self);
  *ret_companion = (struct companion){.pid = pid, .pidfd = pidfd};
  return 0;
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
