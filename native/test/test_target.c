/* test_target.c — which process a container is known by, and what of it is another's. */
#include "../init/target.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../init/namespaces.h"
#include "tap.h"

static int find(const struct namespaces_holder *holder, struct target *ret_target) {
  struct operation operation = {
      .code = PLAN_TARGET,
      .arguments = {{.number = (uint64_t) holder->pid},
                    {.number = (uint64_t) holder->start},
                    {.text = holder->boot}},
  };
  const struct plan plan = {.count = 1, .operations = &operation};
  struct failure why = {0};

  return target_find(&plan, ret_target, &why);
}

static void close_all(struct target *target) {
  if (target->pidfd >= 0)
    (void) close(target->pidfd);
  if (target->root >= 0)
    (void) close(target->root);
}

static void knows_itself(void) {
  const struct namespaces_holder own = namespaces_holder_of(getpid());
  struct target target = TARGET_NONE;

  is_int(find(&own, &target), 0, "finds this process");
  is_int((long) target.namespaces, 0, "has no namespaces but ours");
  is_int(target.root >= 0, 1, "is known by its root then");
  close_all(&target);
}

static void is_not_deceived(void) {
  struct namespaces_holder other = namespaces_holder_of(getpid());
  struct target target = TARGET_NONE;

  other.start++;
  is_int(find(&other, &target), -ESRCH, "another start is another process");
  close_all(&target);
  other = namespaces_holder_of(getpid());
  other.boot[0] = other.boot[0] == '0' ? '1' : '0';
  is_int(find(&other, &target), -ESRCH, "so is one of another boot");
  close_all(&target);
  other = (struct namespaces_holder){.pid = 1 << 30, .start = 1};
  is_int(find(&other, &target), -ESRCH, "and one that is not there");
  close_all(&target);
}

/* It waits in a user namespace of its own, where this machine lets it. */
static void sees_what_differs(void) {
  int ends[2];
  char byte = 0;

  (void) pipe(ends);
  const pid_t pid = fork();
  if (pid == 0) {
    byte = unshare(CLONE_NEWUSER | CLONE_NEWUTS) == 0;
    (void) write(ends[1], &byte, 1);
    (void) pause();
    _exit(0);
  }
  (void) read(ends[0], &byte, 1);
  const struct namespaces_holder holder = namespaces_holder_of(pid);
  struct target target = TARGET_NONE;
  is_int(find(&holder, &target), 0, "finds a child");
  is_int((long) target.namespaces, byte == 0 ? 0 : CLONE_NEWUSER | CLONE_NEWUTS,
         "sees which of its namespaces are its own");
  close_all(&target);
  (void) kill(pid, SIGKILL);
  (void) waitpid(pid, NULL, 0);
}

int main(void) {
  knows_itself();
  is_not_deceived();
  sees_what_differs();
  return done_testing();
}
