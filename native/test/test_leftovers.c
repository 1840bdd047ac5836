/* test_leftovers.c — whose end is taken note of, and whose is left to others. */
#include "../init/leftovers.h"

#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

/* A child that has ended and was not waited for. */
static pid_t ended(void) {
  siginfo_t info;
  const pid_t pid = fork();

  if (pid == 0)
    _exit(7);
  (void) waitid(P_PID, (id_t) pid, &info, WEXITED | WNOWAIT);
  return pid;
}

static bool is_child(pid_t pid) {
  siginfo_t info;

  return waitid(P_PID, (id_t) pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static void reaps_all_but_those_of_others(void) {
  const pid_t companion = ended();
  const pid_t orphan = ended();
  const pid_t spared[] = {companion, 0};
  int status = 0;

  leftovers_reap(spared);
  is_int(is_child(orphan), 0, "an orphan that has ended is reaped, also behind somebody else's");
  is_int(waitpid(companion, &status, WNOHANG), companion, "who is spared is left to its owner");
  is_int(WEXITSTATUS(status), 7, "with its status");
}

static void ends_all_but_those_of_others(void) {
  const pid_t companion = ended();
  const pid_t spared[] = {companion, 0};
  const pid_t orphan = fork();
  /* No process is in such a mount namespace: only children are found. */
  const struct leftovers leftovers = {.inode = 1};

  if (orphan == 0)
    for (;;)
      (void) pause();
  leftovers_end(&leftovers, spared);
  is_int(is_child(orphan), 0, "an orphan that runs is ended, and reaped");
  is_int(is_child(companion), 1, "who is spared is not");
  (void) waitpid(companion, NULL, 0);
}

int main(void) {
  reaps_all_but_those_of_others();
  ends_all_but_those_of_others();
  return done_testing();
}
