/* join.c — `join PLAN [WORD…]`: one more process in a container that nobody keeps.
 *
 * Theory of operation: we stay outside, where the container does not see us. A go-between enters
 * the container and is our child's other parent (go_between.h); the child is ours, and ends with us
 * until it is released, when it has executed its command; then whoever is subreaper above us
 * inherits it. With the word `stay` it remains ours. Descriptors and words are those of starter.h.
 *
 * Events: `created {pid}`, answered by `release`; `released`, and with `stay` in the end `exited
 * {exitCode, signal}`. In their place `failed`, and nothing of it runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/plan.h"
#include "../core/sync.h"
#include "../core/syscalls.h"
#include "blocking.h"
#include "cgroup.h"
#include "go_between.h"
#include "join_child.h"
#include "limits.h"
#include "oom_score.h"
#include "report.h"
#include "starter.h"
#include "target.h"
#include "verb.h"

struct joining {
  const struct plan *plan;
  struct starter starter;
  struct target target;
  struct command *command;
  int theirs; /* the child's end of the conversation */
};

static int enter(void *whose, struct failure *why) {
  const struct joining *joining = whose;

  return target_enter(&joining->target, why) < 0 ? fail_in_step(why, "join") : 0;
}

/* Where the container is frozen it stands still, too. */
static int await_go_between(void *whose, pid_t pid, struct failure *why) {
  struct joining *joining = whose;
  autoclose int pidfd = sys_pidfd_open(pid);

  return pidfd < 0 ? fail(why, errno, "open a pidfd")
                   : starter_await_fd(&joining->starter, pidfd, why);
}

static void be_child(void *whose) {
  const struct joining *joining = whose;
  const struct join_start start = {
      .plan = joining->plan,
      .command = joining->command,
      .sync = joining->theirs,
      .preserved = joining->starter.preserved,
      .preserved_count = joining->starter.preserved_count,
      .stays = joining->starter.stays,
  };

  join_main_of_child(&start);
}

/* From a session from which nobody may move there (cgroups(7), "Delegation containment") it goes in
 * without its group, as its caller is. */
static int give(struct joining *joining, struct birth *ret_birth, struct failure *why) {
  autoclose int group = -1;

  if (cgroup_open(plan_text(joining->plan, PLAN_CGROUP_DIRECTORY), &group, why) < 0)
    return fail_in_step(why, "cgroup-directory");
  struct go_between between = {
      .enter = enter,
      .meanwhile = await_go_between,
      .be = be_child,
      .whose = joining,
      .cgroup = group,
  };
  int r = go_between_give(&between, ret_birth, why);

  if (r == -EACCES && why->step[0] == '\0' && group >= 0) {
    between.cgroup = -1;
    r = go_between_give(&between, ret_birth, why);
  }
  return r < 0 ? fail_in_step(why, "join") : 0;
}

static int clone_child(struct joining *joining, struct failure *why) {
  autoclose int score = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
  struct oom_score before = {0};
  struct birth birth = {0};
  int r;

  if (oom_score_lend(joining->plan, score, &before, why) < 0)
    return fail_in_step(why, "oom-score-adj");
  r = give(joining, &birth, why);
  oom_score_restore(score, &before);
  if (r < 0)
    return r;
  joining->starter.pid = birth.pid;
  joining->starter.pidfd = birth.pidfd;
  return 0;
}

/* What is looked up on this machine has to be before anybody leaves it. */
static int prepare_command(struct joining *joining, struct failure *why) {
  const char *path = plan_text(joining->plan, PLAN_SECCOMP);
  const char *cpus = plan_text(joining->plan, PLAN_CPU_AFFINITY);

  if (path != NULL && seccomp_filter_read(path, &joining->command->filter, why) < 0)
    return fail_in_step(why, "seccomp");
  /* Where it is until it comes to the container's control group, which may have others. */
  if (cpus != NULL && scheduling_set_cpus(cpus, why) < 0)
    return fail_in_step(why, "cpu-affinity");
  limits_make_room(joining->plan, 0); /* what our child has from its first moment on */
  return outside_open(&joining->command->outside, joining->plan, why);
}

/* Node's end is heard of until the command has begun, or could not. */
static int release(struct starter *starter, struct failure *why) {
  struct report report = report_open("released");
  int r;

  r = starter_await(starter, why);
  if (r == 0)
    r = sync_expect(starter->sync, SYNC_READY, why);
  if (r == 0)
    r = starter_ask(starter, "created", &starter->has_release, why);
  if (r == 0)
    r = sync_send(starter->sync, SYNC_PROCEED, why);
  if (r == 0)
    r = starter_await(starter, why);
  if (r == 0)
    r = sync_expect_exec(starter->sync, why);
  if (r < 0)
    return r;
  report_send(&report);
  return 0;
}

static int join(struct joining *joining, struct failure *why) {
  autoclose int ours = -1;
  autoclose int theirs = -1;
  int r;

  r = prepare_command(joining, why);
  if (r < 0)
    return r;
  if (target_find(joining->plan, &joining->target, why) < 0)
    return fail_in_step(why, "join");
  r = sync_open(&ours, &theirs, why);
  if (r < 0)
    return r;
  joining->starter.sync = ours;
  joining->theirs = theirs;
  r = clone_child(joining, why);
  (void) close(steal_fd(&theirs));
  if (r == 0)
    r = starter_take_terminal(&joining->starter, joining->plan, why);
  if (r == 0)
    r = release(&joining->starter, why);
  if (r < 0)
    starter_give_up(&joining->starter);
  return r;
}

static void refuse(const struct failure *why) {
  struct report report = report_open("failed");

  report_refusal(&report, why);
  report_send(&report);
}

int join_main(int argc, char *argv[], struct failure *why) {
  /* static: an identity alone is 8 KiB, and it is put together once. */
  static struct command command = COMMAND_NONE;
  struct plan plan = {0};
  struct joining joining = {
      .plan = &plan, .starter = STARTER_NONE, .target = TARGET_NONE, .command = &command};
  int r;

  if (argc < 1)
    return fail(why, EINVAL, "join takes the path of a plan");
  blocking_streams();
  (void) fcntl(FD_EVENTS, F_SETFD, FD_CLOEXEC);
  r = plan_read(argv[0], &plan, why);
  if (r == 0)
    r = starter_read_words(&joining.starter, argv + 1, why);
  if (r == 0)
    r = starter_find_preserved(&joining.starter, &plan, why);
  if (r == 0)
    r = join(&joining, why);
  if (r < 0) {
    refuse(why);
    _exit(EXIT_FAILURE);
  }
  if (joining.starter.stays) {
    starter_let_go(&joining.starter);
    r = starter_stay(&joining.starter, why);
  }
  plan_free(&plan);
  return r;
}
