#include "reaper.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/syscalls.h"
#include "verb.h"

int reaper_fork(pid_t *ret_command, struct failure *why) {
  sigset_t all;

  /* Blocked, a signal waits for the first process of a pid namespace too, which otherwise never
   * sees one that it has no handler for (pid_namespaces(7)). */
  sigfillset(&all);
  (void) sigprocmask(SIG_SETMASK, &all, NULL);
  /* Where the pids are the host's, orphans would go to somebody else. */
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
    return fail(why, errno, "adopt orphans");

  const pid_t pid = fork();
  if (pid < 0)
    return fail(why, errno, "fork");
  if (pid == 0 && setsid() < 0)
    return fail(why, errno, "make a session");
  *ret_command = pid;
  return 0;
}

/* As a shell tells it: a first process cannot die of a signal from inside. */
static int exit_code_of(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void collect(pid_t command) {
  int status = 0;

  for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG))
    if (pid == command)
      _exit(exit_code_of(status));
}

_Noreturn void reaper_run(pid_t command) {
  sigset_t all;

  verb_retitle("marmita-init");
  (void) prctl(PR_SET_NAME, "marmita-init");
  (void) sys_close_range(0, ~0U, 0);
  sigfillset(&all);
  for (;;) {
    const int number = sigwaitinfo(&all, NULL);

    if (number == SIGCHLD)
      collect(command);
    else if (number > 0)
      (void) kill(command, number);
  }
}
