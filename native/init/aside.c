#include "aside.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "verb.h"

pid_t aside_fork(void) {
  const pid_t parent = getpid();
  const pid_t pid = fork();

  if (pid != 0)
    return pid;
  (void) close(FD_EVENTS); /* Node waits for its end */
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
    _exit(EXIT_FAILURE);
  return 0;
}

void aside_end(pid_t pid) {
  if (pid <= 0)
    return;
  (void) kill(pid, SIGKILL);
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
    continue;
}
