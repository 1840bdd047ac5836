#include "go_between.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/syscalls.h"

/* What the go-between leaves behind, in memory of both. */
struct legacy {
  pid_t pid; /* 0: none was cloned, and `why` says why */
  struct failure why;
};

void go_between_choose_group(int cgroup, struct clone_args *arguments) {
  if (cgroup < 0)
    return;
  arguments->flags = (arguments->flags & ~(uint64_t) CLONE_NEWCGROUP) | CLONE_INTO_CGROUP;
  arguments->cgroup = (unsigned) cgroup;
}

/* The child's number is the one that the parent knows it by: it is told in our own pid namespace,
 * which we are in still. Its end is told as ours is (clone(2), CLONE_PARENT). */
static int mediate(const struct go_between *between, struct legacy *legacy) {
  struct clone_args arguments = {.flags = between->flags | CLONE_PARENT};

  if (between->cgroup >= 0) /* as go_between_choose_group() has it */
    arguments.flags &= ~(uint64_t) CLONE_NEWCGROUP;
  (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (between->enter(between->whose, &legacy->why) < 0)
    return -1;
  const pid_t pid = sys_clone3(&arguments);
  if (pid < 0)
    return fail(&legacy->why, errno, "clone");
  if (pid == 0) {
    between->be(between->whose);
    _exit(EXIT_FAILURE);
  }
  legacy->pid = pid;
  return 0;
}

static int take_over(const struct legacy *legacy, struct birth *ret_birth, struct failure *why) {
  const pid_t pid = legacy->pid;

  if (pid == 0 && legacy->why.errnum == 0)
    return fail(why, EIO, "clone: the go-between was killed");
  if (pid == 0) {
    *why = legacy->why;
    return -why->errnum;
  }
  const int pidfd = sys_pidfd_open(pid); /* not reaped: the number is its own */
  if (pidfd >= 0) {
    *ret_birth = (struct birth){.pid = pid, .pidfd = pidfd};
    return 0;
  }
  (void) fail(why, errno, "open a pidfd");
  (void) kill(pid, SIGKILL);
  (void) waitpid(pid, NULL, 0);
  return -why->errnum;
}

static void await(pid_t pid) {
  while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
    continue;
}

/* It is in the child's control group already: from within the child's namespaces the way there
 * would not be seen (cgroups(7), "nsdelegate"). */
static pid_t fork_into(int cgroup) {
  struct clone_args arguments = {.exit_signal = SIGCHLD};

  go_between_choose_group(cgroup, &arguments);
  return sys_clone3(&arguments);
}

/* What the go-between says is nearer to the cause than what its parent makes of its end. */
static int give(const struct go_between *between, struct legacy *legacy, struct birth *ret_birth,
                struct failure *why) {
  struct failure ours = {0};
  const pid_t pid = fork_into(between->cgroup);

  if (pid < 0)
    return fail(why, errno, "fork");
  if (pid == 0)
    _exit(mediate(between, legacy) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
  if (between->meanwhile != NULL && between->meanwhile(between->whose, pid, &ours) < 0)
    (void) kill(pid, SIGKILL);
  await(pid);
  if (ours.errnum == 0 || legacy->why.errnum != 0)
    return take_over(legacy, ret_birth, why);
  if (legacy->pid > 0) {
    (void) kill(legacy->pid, SIGKILL);
    await(legacy->pid);
  }
  *why = ours;
  return -why->errnum;
}

int go_between_give(const struct go_between *between, struct birth *ret_birth,
                    struct failure *why) {
  struct legacy *legacy =
      mmap(NULL, sizeof *legacy, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

  if (legacy == MAP_FAILED)
    return fail(why, errno, "prepare a go-between");
  const int r = give(between, legacy, ret_birth, why);
  (void) munmap(legacy, sizeof *legacy);
  return r;
}
