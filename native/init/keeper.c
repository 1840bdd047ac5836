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
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/sync.h"
#include "../core/syscalls.h"
#include "../core/userns.h"
#include "birth.h"
#include "filesystem.h"
#include "oom_score.h"
#include "orders.h"
#include "verb.h"

void keeper_now(char text[static 40]) {
  struct timespec now;
  struct tm parts;
  char seconds[24];

  (void) clock_gettime(CLOCK_REALTIME, &now);
  (void) gmtime_r(&now.tv_sec, &parts);
  (void) strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &parts);
  (void) snprintf(text, 40, "%s.%09ldZ", seconds, now.tv_nsec);
}

static bool is_joined(const struct keeper *keeper) {
  return plan_find(keeper->plan, PLAN_JOIN) != NULL;
}

static int clone_child(struct keeper *keeper, int ours, int theirs, struct failure *why) {
  const struct child_start start = {
      .plan = keeper->plan,
      .sync = theirs,
      .borrowed = keeper->borrowed,
      .borrowed_count = keeper->borrowed_count,
  };
  struct birth birth;
  const int r = birth_give(&start, ours, &birth, why);

  if (r < 0)
    return r;
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

  if (keeper->terminal == NULL)
    return 0;
  r = sync_expect_fd(sync, SYNC_TERMINAL, &master, why);
  if (r < 0)
    return r;
  r = terminal_open(keeper->terminal, master, keeper->size, why);
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

  r = network_await(&keeper->network, keeper->is_detached ? -1 : FD_EVENTS, why);
  if (r < 0)
    return fail_in_step(why, "network");

  keeper_now(keeper->started_at);
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
  r = oom_score_lend(keeper->plan, &oom_score, why);
  if (r < 0)
    return fail_in_step(why, "oom-score-adj");
  r = clone_child(keeper, ours, theirs, why);
  oom_score_restore(&oom_score);
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

void keeper_stop_companions(struct keeper *keeper) {
  const struct operation *operation;
  size_t at = 0;

  network_stop(&keeper->network);
  for (size_t i = 0; (operation = next_filesystem(keeper->plan, &at)) != NULL; i++)
    if (i < KEEPER_MAX_FILESYSTEMS && keeper->filesystems[i].pid > 0)
      filesystem_stop(operation->arguments[0].text, &keeper->filesystems[i]);
}

/* Docker's exit codes (docker run, "Exit status"). */
static int exit_code_of(const struct failure *why) {
  if (strcmp(why->step, "exec") != 0)
    return 125;
  return why->errnum == ENOENT || why->errnum == ENOTDIR ? 127 : 126;
}

int keeper_start(struct keeper *keeper, int *ret_exit_code, struct failure *why) {
  int r = start_filesystems(keeper, why);

  if (r < 0)
    (void) fail_in_step(why, "fuse-overlayfs");
  if (r == 0 && (r = share(keeper, why)) < 0)
    (void) fail_in_step(why, "join");
  if (r == 0)
    r = start_child(keeper, why);
  if (r < 0) {
    keeper_stop_companions(keeper);
    *ret_exit_code = exit_code_of(why);
  }
  return r;
}

/* Companions, and the 0 behind them. */
enum { COMPANIONS_MAX = KEEPER_MAX_FILESYSTEMS + 2 };

/* Children of ours that are none of the container's. */
static void list_companions(const struct keeper *keeper, pid_t ret_pids[COMPANIONS_MAX]) {
  size_t count = 0;

  while (count < KEEPER_MAX_FILESYSTEMS && keeper->filesystems[count].pid > 0) {
    ret_pids[count] = keeper->filesystems[count].pid;
    count++;
  }
  if (keeper->network.companion.pid > 0)
    ret_pids[count++] = keeper->network.companion.pid;
  ret_pids[count] = 0;
}

/* SIGTERM; or a process has become ours, and has ended. */
static void heed(struct keeper *keeper, int signals) {
  struct signalfd_siginfo signal;
  pid_t spared[COMPANIONS_MAX + 1] = {keeper->pid};

  if (read(signals, &signal, sizeof signal) != sizeof signal)
    return;
  if (signal.ssi_signo != SIGCHLD) {
    (void) sys_pidfd_send_signal(keeper->pidfd, SIGKILL);
    return;
  }
  list_companions(keeper, spared + 1);
  leftovers_reap(spared);
}

/* A session that ends, a terminal that hangs up: not ours to die of. SIGTERM ends the container
 * first, and then us. */
static int watch_signals(const struct keeper *keeper) {
  sigset_t watched;

  (void) signal(SIGHUP, SIG_IGN);
  (void) signal(SIGINT, SIG_IGN);
  (void) signal(SIGQUIT, SIG_IGN);
  (void) signal(SIGPIPE, SIG_IGN);
  sigemptyset(&watched);
  sigaddset(&watched, SIGTERM);
  if (keeper->leftovers.inode != 0)
    sigaddset(&watched, SIGCHLD);
  (void) sigprocmask(SIG_BLOCK, &watched, NULL);
  return signalfd(-1, &watched, SFD_CLOEXEC);
}

/* Node has died, and with it who would put back the terminal that it made raw. */
static void outlive_owner(struct keeper *keeper) {
  (void) sys_pidfd_send_signal(keeper->pidfd, SIGKILL);
  keeper_restore_host_terminal(keeper);
}

void keeper_restore_host_terminal(const struct keeper *keeper) {
  if (keeper->host_terminal >= 0)
    raw_leave(keeper->host_terminal, &keeper->host_mode);
}

/* The container goes on without; once it has ended, there is nothing to tell. */
static void lose_network(struct keeper *keeper, bool has_ended) {
  network_note_loss(&keeper->network);
  if (!has_ended)
    keeper->on_network_loss(keeper);
}

enum { POLLED_END, POLLED_NODE, POLLED_SIGNALS, POLLED_NETWORK, POLLED_TERMINAL };

/* Until the container has ended. */
static int serve(struct keeper *keeper, struct pollfd polled[], struct failure *why) {
  struct terminal *terminal = keeper->terminal;
  struct orders orders = {0};

  while (polled[POLLED_END].revents == 0) {
    const int timeout = terminal == NULL ? -1 : terminal_watch(terminal, polled + POLLED_TERMINAL);
    const nfds_t count = POLLED_TERMINAL + (terminal == NULL ? 0 : TERMINAL_POLLED);

    if (poll(polled, count, timeout) < 0) {
      if (errno == EINTR)
        continue; /* what it said before is not what is so now */
      return fail(why, errno, "wait for the container");
    }
    if (polled[POLLED_NODE].revents != 0 && !orders_obey(keeper, &orders)) {
      if (!keeper->is_detached)
        outlive_owner(keeper);
      polled[POLLED_NODE].fd = -1;
    }
    if (polled[POLLED_SIGNALS].revents != 0)
      heed(keeper, polled[POLLED_SIGNALS].fd);
    if (polled[POLLED_NETWORK].revents != 0) {
      polled[POLLED_NETWORK].fd = -1;
      lose_network(keeper, polled[POLLED_END].revents != 0);
    }
    if (terminal != NULL)
      terminal_serve(terminal, polled + POLLED_TERMINAL);
  }
  return 0;
}

int keeper_wait(struct keeper *keeper, int *ret_status, struct failure *why) {
  autoclose int signals = watch_signals(keeper);
  pid_t companions[COMPANIONS_MAX];
  struct pollfd polled[POLLED_TERMINAL + TERMINAL_POLLED] = {
      [POLLED_END] = {.fd = keeper->pidfd, .events = POLLIN},
      [POLLED_NODE] = {.fd = FD_EVENTS, .events = POLLIN},
      [POLLED_SIGNALS] = {.fd = signals, .events = POLLIN},
      [POLLED_NETWORK] = {.fd = keeper->network.companion.pidfd, .events = POLLIN},
  };
  const int r = serve(keeper, polled, why);

  if (r < 0)
    return r;
  while (waitpid(keeper->pid, ret_status, 0) < 0)
    if (errno != EINTR)
      return fail(why, errno, "wait for the container");
  list_companions(keeper, companions);
  leftovers_end(&keeper->leftovers, companions); /* first: they may hold the terminal */
  if (keeper->terminal != NULL)
    terminal_finish(keeper->terminal, FD_EVENTS);
  return 0;
}
