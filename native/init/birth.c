#include "birth.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

#include "../core/syscalls.h"
#include "enter.h"
#include "go_between.h"
#include "limits.h"
#include "namespaces.h"

static int clone_child(const struct child_start *start, int ours, struct clone_args *arguments,
                       struct failure *why) {
  const pid_t pid = sys_clone3(arguments);

  if (pid < 0)
    return fail(why, errno, "clone");
  if (pid == 0) {
    (void) close(ours);
    child_main(start);
  }
  return pid;
}

static int give(const struct child_start *start, int ours, uint64_t flags, struct birth *ret_birth,
                struct failure *why) {
  int pidfd = -1;
  struct clone_args arguments = {
      .flags = flags | CLONE_PIDFD,
      .pidfd = (uint64_t) (uintptr_t) &pidfd,
      .exit_signal = SIGCHLD,
  };
  go_between_choose_group(start->cgroup, &arguments);
  const int pid = clone_child(start, ours, &arguments, why);

  if (pid < 0)
    return pid;
  *ret_birth = (struct birth){.pid = pid, .pidfd = pidfd};
  return 0;
}

struct delivery {
  const struct child_start *start;
  int ours;
};

static int enter_pids(void *whose, struct failure *why) {
  const struct delivery *delivery = whose;

  return namespaces_join(delivery->start->plan, CLONE_NEWPID, why) < 0 ? fail_in_step(why, "join")
                                                                       : 0;
}

static void be_child(void *whose) {
  const struct delivery *delivery = whose;

  (void) close(delivery->ours);
  child_main(delivery->start);
}

static bool joins_pids(const struct plan *plan) {
  for (size_t i = 0; i < plan->count; i++)
    if (plan->operations[i].code == PLAN_JOIN &&
        (plan->operations[i].arguments[1].number & CLONE_NEWPID) != 0)
      return true;
  return false;
}

uint64_t birth_flags(const struct plan *plan) {
  const struct operation *namespaces = plan_find(plan, PLAN_NAMESPACES);
  const bool is_moved = plan_find(plan, PLAN_CGROUP_WAIT) != NULL;

  return namespaces->arguments[0].number & ~(is_moved ? (uint64_t) CLONE_NEWCGROUP : 0);
}

static int give_somehow(const struct child_start *start, int ours, struct birth *ret_birth,
                        struct failure *why) {
  const struct operation *namespaces = plan_find(start->plan, PLAN_NAMESPACES);

  if (namespaces == NULL)
    return fail(why, EINVAL, "the plan has no namespaces");
  if (enter_is_asked(start->plan))
    return enter_give(start, ours, ret_birth, why);
  const uint64_t flags = birth_flags(start->plan);
  struct delivery delivery = {.start = start, .ours = ours};
  const struct go_between between = {
      .enter = enter_pids,
      .be = be_child,
      .whose = &delivery,
      .flags = flags,
      .cgroup = start->cgroup,
  };
  return joins_pids(start->plan) ? go_between_give(&between, ret_birth, why)
                                 : give(start, ours, flags, ret_birth, why);
}

int birth_give(const struct child_start *start, int ours, struct birth *ret_birth,
               struct failure *why) {
  const int r = give_somehow(start, ours, ret_birth, why);

  if (r == 0)
    limits_make_room(start->plan, ret_birth->pid);
  return r;
}
