/* run.c — `run PLAN [WORD…]`: one container from its plan to its end.
 *
 * Descriptors: FD_EVENTS to Node, FD_LIVE the locked live/<id>. It ends with `exited`, sent when
 * all is put away: before it come `started`, or `failed` with the reason, and with a restart policy
 * `died` and again `started`.
 *
 * 0, 1 and 2 are the command's, or the first client's (streams.h). What is told by words:
 *
 *   size=COLUMNSxROWS  of the terminal at the start, in place of what the plan says
 *   relay              what the command writes goes through the keeper: to a log, to clients
 *   stdin              0 is somebody's input, whose end is the command's
 *   detach             Node may go, and its container stays (detach.h)
 *   host-terminal      FD_HOST_TERMINAL is open on a terminal of this machine that Node makes raw:
 *                      its mode is put back when Node is killed
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/clock.h"
#include "../core/syscalls.h"
#include "announce.h"
#include "detach.h"
#include "ending.h"
#include "health.h"
#include "idle.h"
#include "keeper.h"
#include "live_file.h"
#include "orders.h"
#include "report.h"
#include "streams.h"
#include "verb.h"
#include "watch.h"

enum { FD_LIVE = FD_EXTRA + 1, FD_HOST_TERMINAL };

#define HOST_TERMINAL "host-terminal"
#define DETACH "detach"
#define RELAY "relay"
#define STDIN "stdin"

static void note_refusal(struct ending *ending, const struct failure *why) {
  (void) snprintf(ending->error, sizeof ending->error, "%s: %s", why->what, strerror(why->errnum));
  announce_refused(why);
}

static void note_end(struct ending *ending, const struct keeper *keeper, int status) {
  ending->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  ending->exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  ending->is_noted = false;
  memcpy(ending->started_at, keeper->started_at, sizeof ending->started_at);
}

static int start(struct keeper *keeper, int *ret_exit_code, struct failure *why) {
  int r = streams_begin(keeper->streams, why);

  if (r == 0)
    r = keeper_start(keeper, ret_exit_code, why);
  else
    *ret_exit_code = 125;
  streams_begun(keeper->streams);
  return r;
}

/* From a start to an end. 1 when the command ran; only what cannot be told by an ending is a
 * failure. */
static int run_once(struct keeper *keeper, struct ending *ending, struct failure *why) {
  struct failure refused = {0};
  int status = 0;
  int r;

  r = start(keeper, &ending->exit_code, &refused);
  if (r < 0) {
    ending->signal = 0;
    note_refusal(ending, &refused);
    clock_text(ending->finished_at);
    return 0;
  }
  announce_started(keeper);
  detach_finish();
  if (keeper->is_detached)
    idle_let_go_of_text();

  r = keeper_wait(keeper, &status, why);
  keeper_clean_up(keeper);
  note_end(ending, keeper, status);
  clock_text(ending->finished_at);
  return r < 0 ? r : 1;
}

/* True when it is to be started again, and the time for it has come. */
static int await_restart(struct keeper *keeper, struct ending *ending, struct failure *why) {
  const struct restart_end end = {
      .exit_code = ending->exit_code,
      .ran_ms = clock_ms() - keeper->started_ms,
  };
  int delay_ms = 0;
  int r;

  if (!restart_decide(&keeper->restart, &end, &delay_ms))
    return false;
  announce_died(keeper, ending);
  r = keeper_pause(keeper, delay_ms, why);
  if (r < 0)
    return r;
  if (keeper->restart.is_ending || keeper->restart.again)
    return restart_decide(&keeper->restart, &end, &delay_ms);
  return true;
}

/* From the first start to the last end. */
static int keep(struct keeper *keeper, struct ending *ending, struct failure *why) {
  int r;

  do {
    r = run_once(keeper, ending, why);
    if (r > 0)
      r = await_restart(keeper, ending, why);
  } while (r > 0);
  return r;
}

static bool has_word(int argc, char *const *argv, const char *word) {
  for (int i = 0; i < argc; i++)
    if (strcmp(argv[i], word) == 0)
      return true;
  return false;
}

bool run_is_detached(int argc, char *const *argv) {
  return has_word(argc, argv, DETACH);
}

static int take_host_terminal(struct keeper *keeper, struct failure *why) {
  keeper->host_terminal = FD_HOST_TERMINAL;
  (void) fcntl(FD_HOST_TERMINAL, F_SETFD, FD_CLOEXEC);
  if (raw_save(FD_HOST_TERMINAL, &keeper->host_mode, why) < 0)
    return fail_in_step(why, "host-terminal");
  return 0;
}

static int read_words(struct keeper *keeper, struct streams_options *options, char *const *words,
                      struct failure *why) {
  const struct operation *terminal = plan_find(keeper->plan, PLAN_TERMINAL);

  if (terminal != NULL)
    keeper->size = (struct size){.columns = (unsigned short) terminal->arguments[0].number,
                                 .rows = (unsigned short) terminal->arguments[1].number};
  for (; *words != NULL; words++) {
    if (strcmp(*words, HOST_TERMINAL) == 0) {
      if (take_host_terminal(keeper, why) < 0)
        return -why->errnum;
    } else if (strcmp(*words, DETACH) == 0) {
      keeper->is_detached = true;
    } else if (strcmp(*words, RELAY) == 0) {
      options->is_relayed = true;
    } else if (strcmp(*words, STDIN) == 0) {
      options->is_first_once = true;
    } else if (sscanf(*words, "size=%hux%hu", &keeper->size.columns, &keeper->size.rows) != 2) {
      return fail(why, EINVAL, "run does not know %s", *words);
    }
  }
  return 0;
}

/* A bundle's, or NULL. Never freed. */
static char *socket_of(const struct plan *plan) {
  const char *bundle = plan_text(plan, PLAN_BUNDLE);
  char *path = NULL;

  return bundle == NULL || asprintf(&path, "%s/socket", bundle) < 0 ? NULL : path;
}

static int open_streams(struct keeper *keeper, struct streams_options *options,
                        struct failure *why) {
  const struct operation *input = plan_find(keeper->plan, PLAN_STDIN);
  const struct operation *log = plan_find(keeper->plan, PLAN_LOG);

  options->has_terminal = plan_find(keeper->plan, PLAN_TERMINAL) != NULL;
  options->is_input_open = input != NULL && input->arguments[0].number != 0;
  if (log != NULL) {
    options->log = log->arguments[0].text;
    options->log_max_bytes = log->arguments[1].number;
    options->log_max_files = (unsigned) log->arguments[2].number;
  }
  options->socket = socket_of(keeper->plan);
  options->obey = orders_obey;
  options->whose = keeper;
  return streams_open(options, &keeper->streams, why);
}

static void settle_descriptors(bool has_host_terminal) {
  (void) sys_close_range(FD_HOST_TERMINAL + (has_host_terminal ? 1 : 0), DETACH_STARTER - 1, 0);
  (void) sys_close_range(DETACH_STARTER + 1, ~0U, 0);
  (void) fcntl(FD_EVENTS, F_SETFD, FD_CLOEXEC);
  (void) fcntl(FD_LIVE, F_SETFD, FD_CLOEXEC);
}

static void note_health(void *whose, const char *status) {
  const struct keeper *keeper = whose;
  char action[40];

  (void) snprintf(action, sizeof action, "health_status: %s", status);
  live_file_note_event(keeper, action);
}

static int keep_by_plan(const struct plan *plan, char *const *words, struct failure *why) {
  static struct health health; /* static: its log is not touched where there are no checks */
  struct streams_options options = {0};
  struct ending ending = {0};
  struct keeper keeper = {
      .plan = plan,
      .live = FD_LIVE,
      .node = FD_EVENTS,
      .pidfd = -1,
      .signals = -1,
      .host_terminal = -1,
      .health = &health,
  };
  int r;

  health_open(&health, plan);
  health.on_change = note_health;
  health.whose = &keeper;
  r = read_words(&keeper, &options, words, why);
  if (r == 0)
    r = restart_read(plan, &keeper.restart, why);
  if (r == 0)
    r = open_streams(&keeper, &options, why);
  if (r == 0)
    r = keep(&keeper, &ending, why);
  if (r == 0)
    r = ending_put_away(&keeper, &ending, why);
  keeper_restore_host_terminal(&keeper);
  return r;
}

int run_main(int argc, char *argv[], struct failure *why) {
  struct plan plan = {0};
  int r;

  if (argc < 1)
    return fail(why, EINVAL, "run takes the path of a plan");
  settle_descriptors(has_word(argc, argv, HOST_TERMINAL));
  r = plan_read(argv[0], &plan, why);
  if (r < 0)
    return r;
  /* We are hidden, and with us the maps of our child, which we are to write. Where it is in
   * another container's user namespace there are none to write, but whom to hide from. */
  if (plan_find(&plan, PLAN_JOIN) == NULL)
    (void) prctl(PR_SET_DUMPABLE, 1);
  (void) prctl(PR_SET_NAME, "marmita-keeper"); /* argv[0], which Node chose, says whose */
  r = keep_by_plan(&plan, argv + 1, why);
  plan_free(&plan);
  return r;
}
