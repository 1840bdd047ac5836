/* create.c — `create PLAN [WORD…]`: a bare container, from its plan to where it waits for `start`.
 *
 * We are its starter, who stays outside, and ends: whoever is subreaper above us inherits the
 * child. Descriptors and words are those of starter.h.
 *
 * Events: `cgroup {pid}` where the plan has `cgroup-wait`, answered by `go`; `hooks {pid}` where
 * the plan has `runtime-hooks`, answered by `go`; `created {pid}`, answered by `release`;
 * `released`. In their place `failed`, and nothing of it runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/plan.h"
#include "../core/seccomp.h"
#include "../core/sync.h"
#include "../core/syscalls.h"
#include "birth.h"
#include "blocking.h"
#include "cgroup.h"
#include "gate.h"
#include "id_maps.h"
#include "mapped_mounts.h"
#include "oom_score.h"
#include "report.h"
#include "starter.h"
#include "verb.h"

struct creation {
  const struct plan *plan;
  struct starter starter;
  struct gate gate;
  bool is_mapped;
  struct mapped_mounts mapped;
};

static int make_gate(struct creation *creation, struct failure *why) {
  const char *path = plan_text(creation->plan, PLAN_EXEC_FIFO);
  int r;

  if (path == NULL)
    return fail(why, EINVAL, "the plan has no exec-fifo");
  r = gate_make(path, &creation->gate, why);
  creation->gate.plan = creation->plan;
  creation->gate.stays = creation->starter.stays;
  return r;
}

static int read_filter(const struct plan *plan, struct seccomp_filter *ret_filter,
                       struct failure *why) {
  const char *path = plan_text(plan, PLAN_SECCOMP);

  if (path != NULL && seccomp_filter_read(path, ret_filter, why) < 0)
    return fail_in_step(why, "seccomp");
  return 0;
}

static int clone_child(struct creation *creation, int theirs, struct failure *why) {
  struct seccomp_filter filter = {0};
  autoclose int group = -1;

  if (read_filter(creation->plan, &filter, why) < 0)
    return -why->errnum;
  if (cgroup_open(plan_text(creation->plan, PLAN_CGROUP_DIRECTORY), &group, why) < 0)
    return fail_in_step(why, "cgroup-directory");
  const struct child_start start = {
      .plan = creation->plan,
      .sync = theirs,
      .borrowed = creation->mapped.fds,
      .borrowed_count = creation->mapped.count,
      .cgroup = group,
      .gate = &creation->gate,
      .preserved = creation->starter.preserved,
      .preserved_count = creation->starter.preserved_count,
      .filter = filter,
  };
  autoclose int score = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
  struct oom_score before = {0};
  struct birth birth;
  int r;

  if (oom_score_lend(creation->plan, score, &before, why) < 0)
    return fail_in_step(why, "oom-score-adj");
  r = birth_give(&start, creation->starter.sync, &birth, why);
  oom_score_restore(score, &before);
  seccomp_filter_free(&filter);
  if (r < 0)
    return fail_in_step(why, "namespaces");
  creation->starter.pid = birth.pid;
  creation->starter.pidfd = birth.pidfd;
  creation->is_mapped = birth.is_mapped;
  return 0;
}

/* Who makes a group by way of another needs a process for it; it goes on in there. */
static int let_group_be_made(struct creation *creation, struct failure *why) {
  struct starter *starter = &creation->starter;

  if (plan_find(creation->plan, PLAN_CGROUP_WAIT) == NULL)
    return 0;
  const int r = starter_ask(starter, "cgroup", &starter->has_go, why);
  starter->has_go = false;
  return r;
}

static int let_hooks_run(struct creation *creation, struct failure *why) {
  struct starter *starter = &creation->starter;
  int r;

  if (plan_find(creation->plan, PLAN_RUNTIME_HOOKS) == NULL)
    return 0;
  r = starter_await(starter, why);
  if (r == 0)
    r = sync_expect(starter->sync, SYNC_HOOKS, why);
  if (r == 0)
    r = starter_ask(starter, "hooks", &starter->has_go, why);
  return r < 0 ? r : sync_send(starter->sync, SYNC_HOOKED, why);
}

static int converse(struct creation *creation, struct failure *why) {
  int r;

  r = let_group_be_made(creation, why);
  if (r < 0)
    return r;
  r = creation->is_mapped ? 0 : id_maps_write(creation->plan, creation->starter.pid, why);
  if (r < 0)
    return fail_in_step(why, "id maps");
  r = sync_send(creation->starter.sync, SYNC_MAPPED, why);
  if (r == 0)
    r = starter_take_terminal(&creation->starter, creation->plan, why);
  if (r == 0)
    r = let_hooks_run(creation, why);
  return r < 0 ? r : starter_release(&creation->starter, why);
}

static int create(struct creation *creation, struct failure *why) {
  autoclose int ours = -1;
  autoclose int theirs = -1;
  int r;

  if (make_gate(creation, why) < 0)
    return fail_in_step(why, "exec-fifo");
  r = sync_open(&ours, &theirs, why);
  if (r < 0)
    return r;
  creation->starter.sync = ours;
  if (mapped_mounts_make(creation->plan, &creation->mapped, why) < 0)
    return fail_in_step(why, "bind-mapped");
  r = clone_child(creation, theirs, why);
  mapped_mounts_close(&creation->mapped);
  gate_close(&creation->gate);
  (void) close(steal_fd(&theirs));
  if (r == 0)
    r = converse(creation, why);
  if (r < 0)
    starter_give_up(&creation->starter);
  return r;
}

static void refuse(const struct failure *why) {
  struct report report = report_open("failed");

  report_refusal(&report, why);
  report_send(&report);
}

int create_main(int argc, char *argv[], struct failure *why) {
  struct plan plan = {0};
  struct creation creation = {
      .plan = &plan,
      .starter = STARTER_NONE,
      .gate = {.fifo = -1, .result = -1},
  };
  int r;

  if (argc < 1)
    return fail(why, EINVAL, "create takes the path of a plan");
  blocking_streams();
  (void) fcntl(FD_EVENTS, F_SETFD, FD_CLOEXEC);
  r = plan_read(argv[0], &plan, why);
  if (r == 0)
    r = starter_read_words(&creation.starter, argv + 1, why);
  if (r == 0)
    r = starter_find_preserved(&creation.starter, &plan, why);
  if (r == 0)
    r = create(&creation, why);
  if (r < 0) {
    refuse(why);
    _exit(EXIT_FAILURE);
  }
  if (creation.starter.stays) {
    starter_let_go(&creation.starter);
    r = starter_stay(&creation.starter, why);
  }
  plan_free(&plan);
  return r;
}
