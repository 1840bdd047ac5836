/* keeper.c — one container's parent.
 *
 * Theory of operation: Node starts us in a session of our own and in the mapped user namespace,
 * where we may write the id maps of the namespace we clone. The container lives as long as we do
 * (its parent death signal), and we as long as the socket to Node: end of file there means that
 * the owner has died, whatever it died of. Unless we are detached: then Node comes and goes.
 */
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/clock.h"
#include "../core/sync.h"
#include "../core/syscalls.h"
#include "../core/tree.h"
#include "../core/userns.h"
#include "birth.h"
#include "filesystem.h"
#include "health.h"
#include "oom_score.h"
#include "report.h"
#include "streams.h"
#include "verb.h"

static bool is_joined(const struct keeper *keeper) {
  return plan_find(keeper->plan, PLAN_JOIN) != NULL;
}

static int clone_child(struct keeper *keeper, int ours, int theirs, struct failure *why) {
  const char *group = plan_text(keeper->plan, PLAN_CGROUP);

  if (group != NULL)
    keeper->cgroup = cgroup_make(group);
  struct child_start start = {
      .plan = keeper->plan,
      .sync = theirs,
      .borrowed = keeper->borrowed,
      .borrowed_count = keeper->borrowed_count,
      .cgroup = keeper->cgroup.fd,
  };
  struct birth birth;
  int r = birth_give(&start, ours, &birth, why);

  if (r < 0 && start.cgroup >= 0) { /* full, or threaded: without one, then */
    cgroup_remove(&keeper->cgroup);
    start.cgroup = -1;
    r = birth_give(&start, ours, &birth, why);
  }
  if (r < 0)
    return r;
  if (keeper->cgroup.fd >= 0)
    (void) close(steal_fd(&keeper->cgroup.fd));
  keeper->pid = birth.pid;
  keeper->pidfd = birth.pidfd;
  return 0;
}

static int map_ids(const struct keeper *keeper, struct failure *why) {
  const char *setgroups = plan_text(keeper->plan, PLAN_SETGROUPS);
  const struct id_maps maps = {
      .uids = plan_text(keeper->plan, PLAN_UID_MAP),
      .gids = plan_text(keeper->plan, PLAN_GID_MAP),
      .deny_setgroups = setgroups != NULL && strcmp(setgroups, "deny") == 0,
  };

  if (is_joined(keeper))
    return 0; /* another container's, which has them */
  if (maps.uids == NULL || maps.gids == NULL)
    return fail(why, EINVAL, "the plan has no id maps");
  return userns_write_maps(keeper->pid, &maps, why);
}

static int take_terminal(struct keeper *keeper, int sync, struct failure *why) {
  int master = -1;
  int r;

  if (plan_find(keeper->plan, PLAN_TERMINAL) == NULL)
    return 0;
  r = sync_expect_fd(sync, SYNC_TERMINAL, &master, why);
  if (r < 0)
    return r;
  r = streams_take_terminal(keeper->streams, master, keeper->size, why);
  return r < 0 ? fail_in_step(why, "terminal") : 0;
}

static int hand_over(struct keeper *keeper, int sync, struct failure *why) {
  int r;

  r = map_ids(keeper, why);
  if (r < 0)
    return fail_in_step(why, "id maps");

  r = sync_send(sync, SYNC_MAPPED, why);
  if (r < 0)
    return r;

  r = take_terminal(keeper, sync, why);
  if (r < 0)
    return r;

  r = sync_expect(sync, SYNC_READY, why);
  if (r < 0)
    return r;

  r = network_await(&keeper->network, keeper->is_detached ? -1 : keeper->node, why);
  if (r < 0)
    return fail_in_step(why, "network");

  clock_text(keeper->started_at);
  keeper->started_ms = clock_ms();
  r = sync_send(sync, SYNC_PROCEED, why);
  if (r < 0)
    return r;

  return sync_expect_exec(sync, why);
}

static void reap(struct keeper *keeper) {
  (void) kill(keeper->pid, SIGKILL);
  while (waitpid(keeper->pid, NULL, 0) < 0 && errno == EINTR)
    continue;
  (void) close(keeper->pidfd);
  keeper->pid = 0;
  keeper->pidfd = -1;
  keeper->started_at[0] = '\0';
}

static bool has_own_pids(const struct plan *plan) {
  const struct operation *namespaces = plan_find(plan, PLAN_NAMESPACES);

  return namespaces != NULL && (namespaces->arguments[0].number & CLONE_NEWPID) != 0;
}

/* In the order of namespaces_show(); before the child hides. */
static int look_at_child(struct keeper *keeper, int sync, struct failure *why) {
  autoclose int mounts = -1;
  autoclose int network = -1;
  int r = 0;

  if (is_joined(keeper) || !has_own_pids(keeper->plan))
    r = namespaces_of_child(keeper->plan, keeper->pid, sync, NAMESPACE_MOUNT, &mounts, why);
  if (r == 0 && (is_joined(keeper) || plan_find(keeper->plan, PLAN_NETWORK) != NULL))
    r = namespaces_of_child(keeper->plan, keeper->pid, sync, NAMESPACE_NETWORK, &network, why);
  if (r == 0 && !has_own_pids(keeper->plan))
    r = leftovers_note(mounts, &keeper->leftovers, why);
  if (r < 0 || plan_find(keeper->plan, PLAN_NETWORK) == NULL)
    return r;
  r = network_start(&keeper->network, steal_fd(&network), why);
  return r < 0 ? fail_in_step(why, "network") : 0;
}

static int start_child(struct keeper *keeper, struct failure *why) {
  struct oom_score oom_score = {0};
  autoclose int ours = -1;
  autoclose int theirs = -1;
  int r;

  if (!has_own_pids(keeper->plan) && leftovers_adopt(why) < 0)
    return -why->errnum;

  r = sync_open(&ours, &theirs, why);
  if (r < 0)
    return r;
  r = oom_score_lend(keeper->plan, FD_OOM_SCORE, &oom_score, why);
  if (r < 0)
    return fail_in_step(why, "oom-score-adj");
  r = clone_child(keeper, ours, theirs, why);
  oom_score_restore(FD_OOM_SCORE, &oom_score);
  if (r < 0)
    return fail_in_step(why, "namespaces");
  (void) close(steal_fd(&theirs));

  r = look_at_child(keeper, ours, why); /* first: the network takes the longest */
  if (r == 0)
    r = hand_over(keeper, ours, why);
  if (r < 0)
    reap(keeper);
  return r;
}

/* Mounts first: they are looked for from outside. */
static int share(struct keeper *keeper, struct failure *why) {
  int r;

  if (!is_joined(keeper))
    return 0;
  r = namespaces_borrow(keeper->plan, keeper->borrowed, why);
  if (r < 0)
    return r;
  keeper->borrowed_count = r;
  return namespaces_join(keeper->plan, ~(uint64_t) CLONE_NEWPID, why); /* birth.h */
}

/* The next fuse-overlayfs of the plan from operation `at` on, or NULL. */
static const struct operation *next_filesystem(const struct plan *plan, size_t *at) {
  while (*at < plan->count) {
    const struct operation *operation = &plan->operations[(*at)++];
    if (operation->code == PLAN_FUSE_OVERLAYFS)
      return operation;
  }
  return NULL;
}

static int start_filesystems(struct keeper *keeper, struct failure *why) {
  const struct operation *operation;
  size_t at = 0;

  for (size_t i = 0; (operation = next_filesystem(keeper->plan, &at)) != NULL; i++) {
    if (i == KEEPER_MAX_FILESYSTEMS)
      return fail(why, E2BIG, "mount more than %d file systems", KEEPER_MAX_FILESYSTEMS);
    const int r = filesystem_start(operation->arguments[0].text, operation->arguments[1].list,
                                   &keeper->filesystems[i], why);
    if (r < 0)
      return r;
  }
  return 0;
}

static void forget_borrowed(struct keeper *keeper) {
  while (keeper->borrowed_count > 0)
    (void) close(keeper->borrowed[--keeper->borrowed_count]);
}

static void stop_companions(struct keeper *keeper) {
  const struct operation *operation;
  size_t at = 0;

  network_stop(&keeper->network);
  for (size_t i = 0; (operation = next_filesystem(keeper->plan, &at)) != NULL; i++)
    if (i < KEEPER_MAX_FILESYSTEMS && keeper->filesystems[i].pid > 0)
      filesystem_stop(operation->arguments[0].text, &keeper->filesystems[i]);
}

void keeper_clean_up(struct keeper *keeper) {
  cgroup_remove(&keeper->cgroup);
  stop_companions(keeper);
  forget_borrowed(keeper);
  if (keeper->pidfd >= 0)
    (void) close(steal_fd(&keeper->pidfd));
  keeper->pid = 0;
  keeper->leftovers = (struct leftovers){0};
}

/* An overlay mounted as volatile is not mounted a second time: what it wrote might be incomplete,
 * had the machine crashed in between (overlayfs.rst). We would not be here. */
static void allow_overlays_again(const struct plan *plan) {
  for (size_t i = 0; i < plan->count; i++) {
    const char *work = plan->operations[i].arguments[2].text;
    autofree char *mark = NULL;
    struct failure ignored;

    if (plan->operations[i].code == PLAN_OVERLAY && asprintf(&mark, "%s/work/incompat", work) > 0)
      (void) tree_remove(AT_FDCWD, mark, &ignored);
  }
}

/* All that is of one run only. */
static void begin_anew(struct keeper *keeper) {
  if (keeper->started_ms > 0)
    allow_overlays_again(keeper->plan);
  keeper->started_at[0] = '\0';
  keeper->kill_at_ms = 0;
  keeper->is_paused = false;
  keeper->cgroup = (struct cgroup){.fd = -1};
  keeper->network = (struct network){.plan = keeper->plan,
                                     .companion = COMPANION_NONE,
                                     .namespace_fd = -1,
                                     .ready = -1,
                                     .words = -1};
}

int keeper_start(struct keeper *keeper, int *ret_exit_code, struct failure *why) {
  begin_anew(keeper);
  int r = start_filesystems(keeper, why);

  if (r < 0)
    (void) fail_in_step(why, "fuse-overlayfs");
  if (r == 0 && (r = share(keeper, why)) < 0)
    (void) fail_in_step(why, "join");
  if (r == 0)
    r = start_child(keeper, why);
  if (r < 0) {
    keeper_clean_up(keeper);
    *ret_exit_code = report_exit_code(why);
  }
  return r;
}

void keeper_list_companions(const struct keeper *keeper,
                            pid_t ret_pids[static KEEPER_MAX_COMPANIONS]) {
  size_t count = 0;

  while (count < KEEPER_MAX_FILESYSTEMS && keeper->filesystems[count].pid > 0) {
    ret_pids[count] = keeper->filesystems[count].pid;
    count++;
  }
  if (keeper->network.companion.pid > 0)
    ret_pids[count++] = keeper->network.companion.pid;
  if (health_child(keeper->health) > 0)
    ret_pids[count++] = health_child(keeper->health);
  ret_pids[count] = 0;
}

void keeper_restore_host_terminal(const struct keeper *keeper) {
  if (keeper->host_terminal >= 0)
    raw_leave(keeper->host_terminal, &keeper->host_mode);
}
