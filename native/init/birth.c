#include "birth.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/syscalls.h"
#include "namespaces.h"

/* What the go-between leaves behind, in memory of both. */
struct legacy {
  pid_t pid; /* 0: none was cloned, and `why` says why */
  struct failure why;
};

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

/* Cloned into it, no process has to be moved, which takes the kernel long. Its cgroup namespace
 * would begin at our group then: it makes that itself (child.c). */
static void choose_group(const struct child_start *start, struct clone_args *arguments) {
  if (start->cgroup < 0)
    return;
  arguments->flags = (arguments->flags & ~(uint64_t) CLONE_NEWCGROUP) | CLONE_INTO_CGROUP;
  arguments->cgroup = (unsigned) start->cgroup;
}

static int give(const struct child_start *start, int ours, uint64_t flags, struct birth *ret_birth,
                struct failure *why) {
  int pidfd = -1;
  struct clone_args arguments = {
      .flags = flags | CLONE_PIDFD,
      .pidfd = (uint64_t) (uintptr_t) &pidfd,
      .exit_signal = SIGCHLD,
  };
  choose_group(start, &arguments);
  const int pid = clone_child(start, ours, &arguments, why);

  if (pid < 0)
    return pid;
  *ret_birth = (struct birth){.pid = pid, .pidfd = pidfd};
  return 0;
}

/* The child's number is the one that the keeper knows it by: it is told in our own pid namespace,
 * which we are in still. Its end is told as ours is (clone(2), CLONE_PARENT). */
static int mediate(const struct child_start *start, int ours, uint64_t flags,
                   struct legacy *legacy) {
  struct clone_args arguments = {.flags = flags | CLONE_PARENT};

  choose_group(start, &arguments);
  if (namespaces_join(start->plan, CLONE_NEWPID, &legacy->why) < 0)
    return fail_in_step(&legacy->why, "join");
  const int pid = clone_child(start, ours, &arguments, &legacy->why);
  legacy->pid = pid < 0 ? 0 : pid;
  return pid;
}

static int take_over(const struct legacy *legacy, struct birth *ret_birth, struct failure *why) {
  const pid_t pid = legacy->pid;

  if (pid == 0 && legacy->why.errnum == 0)
    return fail(why, EIO, "clone: the go-between was killed");
  if (pid == 0) {
    *why = legacy->why;
    return -why->errnum;
  }
  const int pidfd = (int) syscall(SYS_pidfd_open, pid, 0); /* not reaped: the number is its own */
  if (pidfd >= 0) {
    *ret_birth = (struct birth){.pid = pid, .pidfd = pidfd};
    return 0;
  }
  (void) fail(why, errno, "open a pidfd");
  (void) kill(pid, SIGKILL);
  (void) waitpid(pid, NULL, 0);
  return -why->errnum;
}

static int give_through_another(const struct child_start *start, int ours, uint64_t flags,
                                struct birth *ret_birth, struct failure *why) {
  struct legacy *legacy =
      mmap(NULL, sizeof *legacy, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

  if (legacy == MAP_FAILED)
    return fail(why, errno, "prepare a go-between");
  const pid_t pid = fork();
  if (pid == 0)
    _exit(mediate(start, ours, flags, legacy) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
  if (pid < 0)
    (void) fail(&legacy->why, errno, "fork");
  while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
    continue;
  const int r = take_over(legacy, ret_birth, why);
  (void) munmap(legacy, sizeof *legacy);
  return r;
}

static bool joins_pids(const struct plan *plan) {
  for (size_t i = 0; i < plan->count; i++)
    if (plan->operations[i].code == PLAN_JOIN &&
        (plan->operations[i].arguments[1].number & CLONE_NEWPID) != 0)
      return true;
  return false;
}

int birth_give(const struct child_start *start, int ours, struct birth *ret_birth,
               struct failure *why) {
  const struct operation *namespaces = plan_find(start->plan, PLAN_NAMESPACES);

  if (namespaces == NULL)
    return fail(why, EINVAL, "the plan has no namespaces");
  const uint64_t flags = namespaces->arguments[0].number;
  return joins_pids(start->plan) ? give_through_another(start, ours, flags, ret_birth, why)
                                 : give(start, ours, flags, ret_birth, why);
}
