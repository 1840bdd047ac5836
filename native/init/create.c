/* create.c — `create PLAN [WORD…]`: a bare container, from its plan to where it waits for `start`.
 *
 * We are its starter, who stays outside, and ends: whoever is subreaper above us inherits the
 * child. FD_EVENTS is a socket to Node; 0, 1 and 2 are the command's, and so are those from
 * FD_EXTRA on that the plan's `preserve-fds` counts. Words:
 *
 *   console   FD_EXTRA is a socket that a terminal's master is sent to; the others come behind it
 *   stay      we end when the container does, and it dies with us (starter.h)
 *
 * Events: `hooks {pid}` where the plan has `runtime-hooks`, answered by `go`; `created {pid}`,
 * answered by `release`; `released`. In their place `failed`, and nothing of it runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/fd.h"
#include "../core/plan.h"
#include "../core/spawn.h"
#include "../core/sync.h"
#include "../core/syscalls.h"
#include "../core/userns.h"
#include "birth.h"
#include "console_socket.h"
#include "gate.h"
#include "oom_score.h"
#include "report.h"
#include "starter.h"
#include "verb.h"

struct creation {
  const struct plan *plan;
  struct starter starter;
  struct gate gate;
  int console;         /* a socket, or -1 */
  int preserved;       /* the first */
  int preserved_count; /* how many */
};

static int read_words(struct creation *creation, char *const *words, struct failure *why) {
  for (; *words != NULL; words++) {
    if (strcmp(*words, "stay") == 0) {
      creation->starter.stays = true;
    } else if (strcmp(*words, "console") == 0) {
      creation->console = FD_EXTRA;
      creation->preserved = FD_EXTRA + 1;
    } else {
      return fail(why, EINVAL, "create does not know %s", *words);
    }
  }
  return 0;
}

/* What is counted has to be there: the child could not tell it from what is its own. */
static int find_preserved(struct creation *creation, struct failure *why) {
  const struct operation *operation = plan_find(creation->plan, PLAN_PRESERVE_FDS);
  const uint64_t count = operation == NULL ? 0 : operation->arguments[0].number;

  if (count > SPAWN_MAX_FDS)
    return fail(why, E2BIG, "preserve %llu descriptors", (unsigned long long) count);
  creation->preserved_count = (int) count;
  for (int i = 0; i < creation->preserved_count; i++)
    if (fcntl(creation->preserved + i, F_GETFD) < 0)
      return fail(why, errno, "preserve descriptor %d", 3 + i);
  return 0;
}

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

static int clone_child(struct creation *creation, int theirs, struct failure *why) {
  const struct child_start start = {
      .plan = creation->plan,
      .sync = theirs,
      .cgroup = -1,
      .gate = &creation->gate,
      .preserved = creation->preserved,
      .preserved_count = creation->preserved_count,
  };
  autoclose int score = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
  struct oom_score before = {0};
  struct birth birth;
  int r;

  if (oom_score_lend(creation->plan, score, &before, why) < 0)
    return fail_in_step(why, "oom-score-adj");
  r = birth_give(&start, creation->starter.sync, &birth, why);
  oom_score_restore(score, &before);
  if (r < 0)
    return fail_in_step(why, "namespaces");
  creation->starter.pid = birth.pid;
  creation->starter.pidfd = birth.pidfd;
  return 0;
}

static bool makes_user_namespace(const struct plan *plan) {
  const struct operation *namespaces = plan_find(plan, PLAN_NAMESPACES);

  return namespaces != NULL && (namespaces->arguments[0].number & CLONE_NEWUSER) != 0;
}

static int map_ids(const struct creation *creation, struct failure *why) {
  const struct plan *plan = creation->plan;
  const char *setgroups = plan_text(plan, PLAN_SETGROUPS);
  const char *by = plan_text(plan, PLAN_MAP_BY);
  const struct id_maps maps = {
      .uids = plan_text(plan, PLAN_UID_MAP),
      .gids = plan_text(plan, PLAN_GID_MAP),
      .deny_setgroups = setgroups != NULL && strcmp(setgroups, "deny") == 0,
  };

  if (!makes_user_namespace(plan))
    return 0;
  if (maps.uids == NULL || maps.gids == NULL)
    return fail(why, EINVAL, "the plan has no id maps");
  return by != NULL && strcmp(by, "helpers") == 0
             ? userns_call_helpers(creation->starter.pid, &maps, why)
             : userns_write_maps(creation->starter.pid, &maps, why);
}

/* To the container's own socket, or to Node's: where it has neither nobody shows it. */
static int pass_terminal_on(const struct creation *creation, int master, struct failure *why) {
  const struct operation *terminal = plan_find(creation->plan, PLAN_TERMINAL);
  const char *socket = plan_text(creation->plan, PLAN_CONSOLE_SOCKET);
  const struct winsize size = {
      .ws_col = (unsigned short) terminal->arguments[0].number,
      .ws_row = (unsigned short) terminal->arguments[1].number,
  };

  if (size.ws_col != 0 || size.ws_row != 0)
    (void) ioctl(master, TIOCSWINSZ, &size);
  if (socket != NULL)
    return console_socket_send(socket, master, why);
  if (creation->console < 0)
    return fail(why, EINVAL, "the plan has a terminal and no console-socket");
  return fd_send(creation->console, master, why);
}

static int take_terminal(struct creation *creation, struct failure *why) {
  autoclose int master = -1;
  int r;

  if (plan_find(creation->plan, PLAN_TERMINAL) == NULL)
    return 0;
  r = starter_await(&creation->starter, why);
  if (r == 0)
    r = sync_expect_fd(creation->starter.sync, SYNC_TERMINAL, &master, why);
  if (r < 0)
    return r;
  r = pass_terminal_on(creation, master, why);
  return r < 0 ? fail_in_step(why, "console-socket") : 0;
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

  r = map_ids(creation, why);
  if (r < 0)
    return fail_in_step(why, "id maps");
  r = sync_send(creation->starter.sync, SYNC_MAPPED, why);
  if (r == 0)
    r = take_terminal(creation, why);
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
  r = clone_child(creation, theirs, why);
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
      .starter = {.pidfd = -1, .sync = -1},
      .gate = {.fifo = -1, .result = -1},
      .console = -1,
      .preserved = FD_EXTRA,
  };
  int r;

  if (argc < 1)
    return fail(why, EINVAL, "create takes the path of a plan");
  (void) fcntl(FD_EVENTS, F_SETFD, FD_CLOEXEC);
  r = plan_read(argv[0], &plan, why);
  if (r == 0)
    r = read_words(&creation, argv + 1, why);
  if (r == 0)
    r = find_preserved(&creation, why);
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
