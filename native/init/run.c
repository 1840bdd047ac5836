/* run.c — `run PLAN [WORD…]`: one container from its plan to its end.
 *
 * Descriptors: FD_EVENTS to Node, FD_LIVE the locked live/<id>. Every run ends with `exited`,
 * sent when all is put away: before it comes `started`, or `failed` with the reason.
 *
 * 0, 1 and 2 are the command's, unless the plan has a terminal: then 0 is a pipe and 1 a socket
 * that what is typed and shown goes through (terminal.h). What is told by words:
 *
 *   size=COLUMNSxROWS  of the terminal at the start, in place of what the plan says
 *   detach             Node may go, and its container stays (detach.h)
 *   host-terminal      FD_HOST_TERMINAL is open on a terminal of this machine that Node makes raw:
 *                      its mode is put back when Node is killed
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/syscalls.h"
#include "detach.h"
#include "ending.h"
#include "keeper.h"
#include "live_file.h"
#include "report.h"
#include "verb.h"

enum { FD_LIVE = FD_EXTRA + 1, FD_HOST_TERMINAL };

#define HOST_TERMINAL "host-terminal"
#define DETACH "detach"

static void report_start_failure(const struct failure *why, int exit_code) {
  struct report report = report_open("failed");

  report_number(&report, "errno", why->errnum);
  report_text(&report, "step", why->step);
  report_text(&report, "what", why->what);
  report_number(&report, "exitCode", exit_code);
  report_send(&report);
}

static void report_started(const struct keeper *keeper) {
  struct report report = report_open("started");

  report_number(&report, "pid", keeper->pid);
  report_text(&report, "startedAt", keeper->started_at);
  live_file_add_network(&report, keeper);
  report_send(&report);
}

static void report_network_loss(const struct keeper *keeper) {
  struct report report = report_open("network");

  live_file_note_running(keeper);
  live_file_add_network(&report, keeper);
  report_send(&report);
}

/* The container's streams end when its own processes let go of them, not when we do. */
static void let_go_of_streams(void) {
  autoclose int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

  for (int fd = STDIN_FILENO; nothing >= 0 && fd <= STDERR_FILENO; fd++)
    (void) dup2(nothing, fd);
}

/* From start to end; only what cannot be told by an ending is a failure. */
static int keep(struct keeper *keeper, struct ending *ret_ending, struct failure *why) {
  struct failure refused = {0};
  static char error[sizeof refused.what + 64];
  int status = 0;
  int r;

  r = keeper_start(keeper, &ret_ending->exit_code, &refused);
  if (r < 0) {
    report_start_failure(&refused, ret_ending->exit_code);
    (void) snprintf(error, sizeof error, "%s: %s", refused.what, strerror(refused.errnum));
    ret_ending->error = error;
    return 0;
  }
  let_go_of_streams();
  live_file_note_running(keeper);
  live_file_note_event(keeper, "start");
  report_started(keeper);
  detach_finish(&keeper->starter);

  r = keeper_wait(keeper, &status, why);
  keeper_stop_companions(keeper);
  ret_ending->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  ret_ending->exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return r;
}

static bool has_word(int argc, char *const *argv, const char *word) {
  for (int i = 0; i < argc; i++)
    if (strcmp(argv[i], word) == 0)
      return true;
  return false;
}

static int read_words(struct keeper *keeper, int argc, char *argv[], struct failure *why) {
  const struct operation *terminal = plan_find(keeper->plan, PLAN_TERMINAL);

  if (terminal != NULL)
    keeper->size = (struct size){.columns = (unsigned short) terminal->arguments[0].number,
                                 .rows = (unsigned short) terminal->arguments[1].number};
  for (int i = 0; i < argc; i++) {
    if (strcmp(argv[i], HOST_TERMINAL) == 0) {
      keeper->host_terminal = FD_HOST_TERMINAL;
      (void) fcntl(FD_HOST_TERMINAL, F_SETFD, FD_CLOEXEC);
      if (raw_save(FD_HOST_TERMINAL, &keeper->host_mode, why) < 0)
        return fail_in_step(why, "host-terminal");
    } else if (strcmp(argv[i], DETACH) == 0) {
      keeper->is_detached = true;
    } else if (sscanf(argv[i], "size=%hux%hu", &keeper->size.columns, &keeper->size.rows) != 2) {
      return fail(why, EINVAL, "run does not know %s", argv[i]);
    }
  }
  return 0;
}

static int adopt_terminal(struct keeper *keeper, struct failure *why) {
  static struct terminal terminal; /* static: its buffers are not touched where there is none */

  if (plan_find(keeper->plan, PLAN_TERMINAL) == NULL)
    return 0;
  keeper->terminal = &terminal;
  const int r = terminal_adopt(&terminal, why);
  if (r == 0 && keeper->is_detached)
    terminal_unplug(&terminal);
  return r;
}

static void settle_descriptors(bool has_host_terminal) {
  (void) sys_close_range(FD_HOST_TERMINAL + (has_host_terminal ? 1 : 0), ~0U, 0);
  (void) fcntl(FD_EVENTS, F_SETFD, FD_CLOEXEC);
  (void) fcntl(FD_LIVE, F_SETFD, FD_CLOEXEC);
}

int run_main(int argc, char *argv[], struct failure *why) {
  struct plan plan = {0};
  struct ending ending = {0};
  int starter = -1;
  int r;

  if (argc < 1)
    return fail(why, EINVAL, "run takes the path of a plan");
  settle_descriptors(has_word(argc, argv, HOST_TERMINAL));
  if (has_word(argc, argv, DETACH) && detach_begin(&starter, why) < 0)
    return -why->errnum;
  r = plan_read(argv[0], &plan, why);
  if (r < 0)
    return r;
  /* We are hidden, and with us the maps of our child, which we are to write. Where it is in
   * another container's user namespace there are none to write, but whom to hide from. */
  if (plan_find(&plan, PLAN_JOIN) == NULL)
    (void) prctl(PR_SET_DUMPABLE, 1);
  (void) prctl(PR_SET_NAME, "marmita-keeper"); /* argv[0], which Node chose, says whose */
  struct keeper keeper = {
      .plan = &plan,
      .live = FD_LIVE,
      .pidfd = -1,
      .network = {.plan = &plan,
                  .companion = COMPANION_NONE,
                  .namespace_fd = -1,
                  .ready = -1,
                  .words = -1},
      .on_network_loss = report_network_loss,
      .host_terminal = -1,
      .starter = starter,
  };
  r = read_words(&keeper, argc - 1, argv + 1, why);
  if (r == 0)
    r = adopt_terminal(&keeper, why);
  if (r == 0)
    r = keep(&keeper, &ending, why);
  if (r == 0)
    r = ending_put_away(&keeper, &ending, why);
  keeper_restore_host_terminal(&keeper);
  plan_free(&plan);
  return r;
}
