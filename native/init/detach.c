#include "detach.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/syscalls.h"

/* Of the first process, in the second until it has finished; else 0. */
static pid_t starter;

/* Nothing but the pipe stays open: what the container has is the other's. */
static _Noreturn void wait_for_other(int other) {
  char nothing;

  (void) dup2(other, STDIN_FILENO);
  (void) sys_close_range(STDIN_FILENO + 1, ~0U, 0);
  while (read(STDIN_FILENO, &nothing, sizeof nothing) < 0 && errno == EINTR)
    continue;
  _exit(EXIT_SUCCESS);
}

int detach_begin(struct failure *why) {
  const pid_t first = getpid();
  int ends[2];

  if (pipe2(ends, O_CLOEXEC) < 0)
    return fail(why, errno, "make a pipe");
  autoclose int reading = ends[0];
  autoclose int writing = ends[1];

  const pid_t pid = fork();
  if (pid < 0)
    return fail(why, errno, "fork");
  if (pid > 0)
    wait_for_other(reading);
  starter = first;
  detach_stay();
  if (reading == DETACH_STARTER)
    (void) steal_fd(&reading); /* overwritten */
  if (writing == DETACH_STARTER)
    (void) steal_fd(&writing);
  else if (dup3(writing, DETACH_STARTER, O_CLOEXEC) < 0)
    return fail(why, errno, "copy a pipe");
  (void) setsid();
  (void) chdir("/");
  return 0;
}

/* It may have ended before that. */
void detach_stay(void) {
  if (starter == 0)
    return;
  (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != starter)
    _exit(EXIT_FAILURE);
}

void detach_finish(void) {
  if (starter == 0)
    return;
  (void) prctl(PR_SET_PDEATHSIG, 0);
  (void) close(DETACH_STARTER);
  starter = 0;
}
