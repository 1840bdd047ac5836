#include "detach.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/syscalls.h"

enum { FD_OTHER = 0 };

/* Nothing but the pipe stays open: what the container has is the other's. */
static _Noreturn void wait_for_other(const int ends[static 2]) {
  char nothing;

  (void) dup2(ends[0], FD_OTHER);
  (void) sys_close_range(FD_OTHER + 1, ~0U, 0);
  while (read(FD_OTHER, &nothing, sizeof nothing) < 0 && errno == EINTR)
    continue;
  _exit(EXIT_SUCCESS);
}

int detach_begin(int *ret_starter, struct failure *why) {
  const pid_t starter = getpid();
  int ends[2];

  if (pipe2(ends, O_CLOEXEC) < 0)
    return fail(why, errno, "make a pipe");
  const pid_t pid = fork();
  if (pid > 0)
    wait_for_other(ends);
  if (pid < 0)
    (void) fail(why, errno, "fork");
  (void) close(ends[0]);
  if (pid < 0) {
    (void) close(ends[1]);
    return -why->errnum;
  }
  (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != starter)
    _exit(EXIT_FAILURE);
  (void) setsid();
  (void) chdir("/");
  *ret_starter = ends[1];
  return 0;
}

void detach_finish(int *starter) {
  if (*starter < 0)
    return;
  (void) prctl(PR_SET_PDEATHSIG, 0);
  (void) close(steal_fd(starter));
}
