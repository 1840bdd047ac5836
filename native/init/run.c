/* run.c — `run PLAN [WORD…]`: one container from its plan to its end.
 *
 * Descriptors: FD_EVENTS to Node, FD_LIVE the locked live/<id>. Every run ends with `exited`,
 * sent when all is put away: before it comes `started`, or `failed` with the reason.
 *
 * 0, 1 and 2 are the command's, unless the plan has a terminal: then 0 is a pipe and 1 a socket
 * that what is typed and shown goes through (terminal.h). What is told by words:
 *
 *   size=COLUMNSxROWS  of the terminal at the start, in place of what the plan says
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
#include "../core/fd.h"
#include "../core/syscalls.h"
#include "../core/tree.h"
#include "../core/volume.h"
#include "events.h"
#include "keeper.h"
#include "report.h"
#include "verb.h"

enum { FD_LIVE = FD_EXTRA + 1, FD_HOST_TERMINAL };

#define HOST_TERMINAL "host-terminal"

struct ending {
  int exit_code;
  int signal;        /* 0 unless one ended it */
  const char *error; /* why the start failed, or NULL */
};

/* What live/<id> says. A full disk does not prevent it: there is room where the old text was. */
static int write_live(int live, struct report *report, struct failure *why) {
  const char *text = report_finish(report);
  const ssize_t size = (ssize_t) strlen(text);

  if (pwrite(live, text, (size_t) size, 0) != size || ftruncate(live, size) < 0)
    return fail(why, errno, "write live file");
  return 0;
}

/* The helper in use, and why it is not the first one, or none. */
static void add_network(struct report *report, const struct keeper *keeper) {
  const char *helper = network_helper(&keeper->network);

  if (plan_find(keeper->plan, PLAN_NETWORK) == NULL)
    return;
  report_text(report, "network", helper == NULL ? "" : helper);
  if (keeper->network.lost[0] != '\0')
    report_text(report, "networkLost", keeper->network.lost);
}

/* For whoever finds us dead: which process to look for. */
static void note_alive(const struct keeper *keeper) {
  const struct namespaces_holder holder = namespaces_holder_of(keeper->pid);
  struct failure ignored;
  struct report note = report_open(NULL);

  /* In this order: others look for the first three (namespaces.c). */
  report_number(&note, "pid", holder.pid);
  report_number(&note, "pidStart", holder.start);
  report_text(&note, "bootId", holder.boot);
  report_number(&note, "keeper", getpid());
  report_text(&note, "startedAt", keeper->started_at);
  add_network(&note, keeper);
  (void) write_live(keeper->live, &note, &ignored);
}

static void note_event(const struct keeper *keeper, const char *action) {
  const char *name = plan_text(keeper->plan, PLAN_NAME);

  events_write(keeper->plan, &(struct event){.action = action, .name = name});
}

/* Of one that has begun. */
static void note_death(const struct keeper *keeper, const struct ending *ending) {
  const struct event_death death = {ending->exit_code, keeper->started_at};

  if (keeper->started_at[0] != '\0')
    events_write_death(keeper->plan, plan_text(keeper->plan, PLAN_NAME), &death);
}

static struct report describe(const char *event, const struct keeper *keeper,
                              const struct ending *ending, const char *finished_at) {
  struct report report = report_open(event);

  report_number(&report, "exitCode", ending->exit_code);
  report_number(&report, "signal", ending->signal);
  if (keeper->started_at[0] != '\0')
    report_text(&report, "startedAt", keeper->started_at);
  report_text(&report, "finishedAt", finished_at);
  if (ending->error != NULL)
    report_text(&report, "error", ending->error);
  return report;
}

/* Draft, fsync, rename, fsync: the container has ended, or it has not. */
static int write_ending(const char *bundle, struct report *report, struct failure *why) {
  autoclose int directory = open(bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const char *text = report_finish(report);
  int r;

  if (directory < 0)
    return fail(why, errno, "open %s", bundle);
  autoclose int file =
      openat(directory, ".exit.json", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0)
    return fail(why, errno, "make %s/exit.json", bundle);
  r = fd_write_all(file, text, strlen(text), why);
  if (r < 0)
    return r;
  if (fsync(file) < 0 || renameat(directory, ".exit.json", directory, "exit.json") < 0 ||
      fsync(directory) < 0)
    return fail(why, errno, "write %s/exit.json", bundle);
  return 0;
}

/* Its own anonymous ones go with it. */
static int release_volumes(const struct plan *plan, struct failure *why) {
  const char *id = plan_text(plan, PLAN_CONTAINER);

  for (size_t i = 0; id != NULL && i < plan->count; i++) {
    const union argument *arguments = plan->operations[i].arguments;
    if (plan->operations[i].code != PLAN_VOLUME)
      continue;
    const int r = volume_release(arguments[0].text, id, arguments[1].text, why);
    if (r < 0)
      return r;
  }
  return 0;
}

/* Out of sight first, in one step; then at leisure. A name goes before its container does, so
 * that nobody finds the one without the other. */
static int remove_container(const struct plan *plan, const struct operation *removal,
                            struct failure *why) {
  const char *bundle = plan_text(plan, PLAN_BUNDLE);
  const char *name = plan_text(plan, PLAN_NAME);
  const char *trash = removal->arguments[0].text;
  int r;

  if (name != NULL)
    (void) unlink(name);
  if (rename(bundle, trash) < 0)
    return fail(why, errno, "move %s to the trash", bundle);
  r = release_volumes(plan, why);
  if (r < 0)
    return r;
  for (char *const *further = removal->arguments[1].list; *further != NULL; further++) {
    r = tree_remove(AT_FDCWD, *further, why);
    if (r < 0)
      return r;
  }
  return tree_remove(AT_FDCWD, trash, why);
}

static int put_away(const struct keeper *keeper, const struct ending *ending, struct failure *why) {
  const struct operation *removal = plan_find(keeper->plan, PLAN_REMOVE);
  const char *bundle = plan_text(keeper->plan, PLAN_BUNDLE);
  const char *live = plan_text(keeper->plan, PLAN_LIVE);
  char finished_at[40];
  bool is_done = true;
  int r = 0;

  keeper_now(finished_at);
  struct report report = describe(NULL, keeper, ending, finished_at);
  if (removal != NULL) {
    note_death(keeper, ending);
    r = remove_container(keeper->plan, removal, why);
  } else if (bundle != NULL && write_ending(bundle, &report, why) < 0) {
    is_done = false;
    report = describe(NULL, keeper, ending, finished_at);
    r = write_live(keeper->live, &report, why);
  }
  if (r < 0)
    return r;
  if (removal != NULL)
    note_event(keeper, "destroy");
  else
    note_death(keeper, ending);

  if (live != NULL && is_done)
    (void) unlink(live); /* where it stays, the next sweep finishes this */
  report = describe("exited", keeper, ending, finished_at);
  report_send(&report);
  return 0;
}

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
  add_network(&report, keeper);
  report_send(&report);
}

static void report_network_loss(const struct keeper *keeper) {
  struct report report = report_open("network");

  note_alive(keeper);
  add_network(&report, keeper);
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
  note_alive(keeper);
  note_event(keeper, "start");
  report_started(keeper);

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
  return terminal_adopt(&terminal, why);
}

static void settle_descriptors(bool has_host_terminal) {
  (void) sys_close_range(FD_HOST_TERMINAL + (has_host_terminal ? 1 : 0), ~0U, 0);
  (void) fcntl(FD_EVENTS, F_SETFD, FD_CLOEXEC);
  (void) fcntl(FD_LIVE, F_SETFD, FD_CLOEXEC);
}

int run_main(int argc, char *argv[], struct failure *why) {
  struct plan plan = {0};
  struct ending ending = {0};
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
  };
  r = read_words(&keeper, argc - 1, argv + 1, why);
  if (r == 0)
    r = adopt_terminal(&keeper, why);
  if (r == 0)
    r = keep(&keeper, &ending, why);
  if (r == 0)
    r = put_away(&keeper, &ending, why);
  keeper_restore_host_terminal(&keeper);
  plan_free(&plan);
  return r;
}
