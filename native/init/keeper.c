/* keeper.c — one container's parent.
 *
 * Theory of operation: Node starts us in a session of our own and in the mapped user namespace,
 * where we may write the id maps of the namespace we clone. The container lives as long as we do
 * (its parent death signal), and we as long as the socket to Node: end of file there means that
 * the owner has died, whatever it died of.
 */
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/fd.h"
#include "../core/sync.h"
#include "../core/syscalls.h"
#include "../core/userns.h"
#include "child.h"
#include "filesystem.h"
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

static int clone_child(struct keeper *keeper, int ours, int theirs, struct failure *why) {
  const struct operation *namespaces = plan_find(keeper->plan, PLAN_NAMESPACES);
  int pidfd = -1;

  if (namespaces == NULL)
    return fail(why, EINVAL, "the plan has no namespaces");
  struct clone_args arguments = {
      .flags = namespaces->arguments[0].number | CLONE_PIDFD,
      .pidfd = (uint64_t) (uintptr_t) &pidfd,
      .exit_signal = SIGCHLD,
  };
  const pid_t pid = sys_clone3(&arguments);
  if (pid < 0)
    return fail(why, errno, "clone");
  if (pid == 0) {
    (void) close(ours);
    child_main(&(struct child_start){
        .plan = keeper->plan,
        .sync = theirs,
        .borrowed = keeper->borrowed,
        .borrowed_count = keeper->borrowed_count,
    });
  }
  keeper->pid = pid;
  keeper->pidfd = pidfd;
  return 0;
}

static int map_ids(const struct keeper *keeper, struct failure *why) {
  const char *setgroups = plan_text(keeper->plan, PLAN_SETGROUPS);
  const struct id_maps maps = {
      .uids = plan_text(keeper->plan, PLAN_UID_MAP),
      .gids = plan_text(keeper->plan, PLAN_GID_MAP),
      .deny_setgroups = setgroups != NULL && strcmp(setgroups, "deny") == 0,
  };

  if (plan_find(keeper->plan, PLAN_JOIN) != NULL)
    return 0; /* another container's, which has them */
  if (maps.uids == NULL || maps.gids == NULL)
    return fail(why, EINVAL, "the plan has no id maps");
  return userns_write_maps(keeper->pid, &maps, why);
}

/* From here: once the child hides its files in /proc are no longer ours. */
static int adjust_oom_score(const struct keeper *keeper, struct failure *why) {
  const char *score = plan_text(keeper->plan, PLAN_OOM_SCORE_ADJ);
  char path[40];

  if (score == NULL)
    return 0;
  (void) snprintf(path, sizeof path, "/proc/%d/oom_score_adj", (int) keeper->pid);
  return fd_write_file(AT_FDCWD, path, score, why);
}

static int hand_over(struct keeper *keeper, int sync, struct failure *why) {
  int r;

  r = map_ids(keeper, why);
  if (r < 0)
    return fail_in_step(why, "id maps");

  r = adjust_oom_score(keeper, why);
  if (r < 0)
    return fail_in_step(why, "oom-score-adj");

  r = sync_send(sync, SYNC_MAPPED, why);
  if (r < 0)
    return r;

  r = sync_expect(sync, SYNC_READY, why);
  if (r < 0)
    return r;

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

static int start_child(struct keeper *keeper, struct failure *why) {
  autoclose int ours = -1;
  autoclose int theirs = -1;
  int r;

  r = sync_open(&ours, &theirs, why);
  if (r < 0)
    return r;
  r = clone_child(keeper, ours, theirs, why);
  if (r < 0)
    return fail_in_step(why, "namespaces");
  (void) close(steal_fd(&theirs));

  r = hand_over(keeper, ours, why);
  if (r < 0)
    reap(keeper);
  return r;
}

/* Mounts first: they are looked for from outside. */
static int share(struct keeper *keeper, struct failure *why) {
  int r;

  if (plan_find(keeper->plan, PLAN_JOIN) == NULL)
    return 0;
  r = namespaces_borrow(keeper->plan, keeper->borrowed, why);
  if (r < 0)
    return r;
  keeper->borrowed_count = r;
  r = namespaces_join(keeper->plan, why);
  if (r < 0)
    return r;

  /* The other container's root may see us now, if it sees the host's processes. */
  if (prctl(PR_SET_DUMPABLE, 0) < 0)
    return fail(why, errno, "hide from the other container");
  return 0;
}

static int start_filesystem(struct keeper *keeper, struct failure *why) {
  const struct operation *operation = plan_find(keeper->plan, PLAN_FUSE_OVERLAYFS);

  if (operation == NULL)
    return 0;
  return filesystem_start(operation->arguments[0].text, operation->arguments[1].list,
                          &keeper->filesystem, why);
}

void keeper_stop_filesystem(struct keeper *keeper) {
  const char *target = plan_text(keeper->plan, PLAN_FUSE_OVERLAYFS);

  if (keeper->filesystem > 0)
    filesystem_stop(target, keeper->filesystem);
  keeper->filesystem = 0;
}

/* Docker's exit codes (docker run, "Exit status"). */
static int exit_code_of(const struct failure *why) {
  if (strcmp(why->step, "exec") != 0)
    return 125;
  return why->errnum == ENOENT || why->errnum == ENOTDIR ? 127 : 126;
}

int keeper_start(struct keeper *keeper, int *ret_exit_code, struct failure *why) {
  int r = start_filesystem(keeper, why);

  if (r < 0)
    (void) fail_in_step(why, "fuse-overlayfs");
  if (r == 0 && (r = share(keeper, why)) < 0)
    (void) fail_in_step(why, "join");
  if (r == 0)
    r = start_child(keeper, why);
  if (r < 0) {
    keeper_stop_filesystem(keeper);
    *ret_exit_code = exit_code_of(why);
  }
  return r;
}

/* "signal 15\n": the one command there is. Lines are short and come whole from one writer. */
static void obey(struct keeper *keeper, char *line) {
  char *end = NULL;

  if (strncmp(line, "signal ", 7) != 0)
    return;
  const long number = strtol(line + 7, &end, 10);
  if (end != line + 7 && number > 0 && number < NSIG)
    (void) sys_pidfd_send_signal(keeper->pidfd, (int) number); /* ESRCH: it has ended */
}

struct inbox {
  char text[256];
  size_t used;
};

/* Read what Node says. Returns false at end of file. */
static bool listen_to_node(struct keeper *keeper, struct inbox *inbox) {
  const ssize_t n =
      read(FD_EVENTS, inbox->text + inbox->used, sizeof inbox->text - 1 - inbox->used);

  if (n < 0)
    return errno == EINTR || errno == EAGAIN;
  if (n == 0)
    return false;
  inbox->used += (size_t) n;
  inbox->text[inbox->used] = '\0';

  char *line = inbox->text;
  for (char *end = strchr(line, '\n'); end != NULL; end = strchr(line, '\n')) {
    *end = '\0';
    obey(keeper, line);
    line = end + 1;
  }
  inbox->used -= (size_t) (line - inbox->text);
  memmove(inbox->text, line, inbox->used);
  if (inbox->used == sizeof inbox->text - 1)
    inbox->used = 0; /* no line of ours is that long */
  return true;
}

/* A session that ends, a terminal that hangs up: not ours to die of. SIGTERM ends the container
 * first, and then us. */
static int watch_signals(void) {
  sigset_t watched;

  (void) signal(SIGHUP, SIG_IGN);
  (void) signal(SIGINT, SIG_IGN);
  (void) signal(SIGQUIT, SIG_IGN);
  (void) signal(SIGPIPE, SIG_IGN);
  sigemptyset(&watched);
  sigaddset(&watched, SIGTERM);
  (void) sigprocmask(SIG_BLOCK, &watched, NULL);
  return signalfd(-1, &watched, SFD_CLOEXEC);
}

int keeper_wait(struct keeper *keeper, int *ret_status, struct failure *why) {
  autoclose int signals = watch_signals();
  struct inbox inbox = {0};
  struct pollfd polled[] = {
      {.fd = keeper->pidfd, .events = POLLIN},
      {.fd = FD_EVENTS, .events = POLLIN},
      {.fd = signals, .events = POLLIN},
  };

  while (polled[0].revents == 0) {
    if (poll(polled, sizeof polled / sizeof *polled, -1) < 0) {
      if (errno == EINTR)
        continue; /* what it said before is not what is so now */
      return fail(why, errno, "wait for the container");
    }
    if (polled[1].revents != 0 && !listen_to_node(keeper, &inbox)) {
      (void) sys_pidfd_send_signal(keeper->pidfd, SIGKILL);
      polled[1].fd = -1;
    }
    if (polled[2].revents != 0) {
      (void) sys_pidfd_send_signal(keeper->pidfd, SIGKILL);
      polled[2].fd = -1;
    }
  }
  while (waitpid(keeper->pid, ret_status, 0) < 0)
    if (errno != EINTR)
      return fail(why, errno, "wait for the container");
  return 0;
}
