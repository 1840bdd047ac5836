#include "announce.h"

#include <string.h>
#include <unistd.h>

#include "../core/plan.h"
#include "live_file.h"
#include "report.h"
#include "streams.h"

static bool is_input_open(const struct plan *plan) {
  const struct operation *operation = plan_find(plan, PLAN_STDIN);

  return operation != NULL && operation->arguments[0].number != 0;
}

static void add_run(struct report *report, const struct keeper *keeper) {
  report_number(report, "pid", keeper->pid);
  report_text(report, "startedAt", keeper->started_at);
  if (keeper->restart.count > 0)
    report_number(report, "restartCount", (long long) keeper->restart.count);
}

const char *announce_object(struct report *report) {
  (void) report_finish(report);
  report->text[report->used - 1] = '\0';
  return report->text;
}

/* What whoever connects is told first. */
static void greet(struct keeper *keeper, bool is_restarting) {
  struct report report = report_open("hello");

  add_run(&report, keeper);
  report_flag(&report, "tty", plan_find(keeper->plan, PLAN_TERMINAL) != NULL);
  report_flag(&report, "openStdin", is_input_open(keeper->plan));
  report_flag(&report, "restarting", is_restarting);
  report_flag(&report, "paused", keeper->is_paused);
  streams_greet(keeper->streams, announce_object(&report));
}

static void tell(struct keeper *keeper, struct report *report) {
  const char *object = announce_object(report);

  streams_tell(keeper->streams, object);
  report->text[report->used - 1] = '\n'; /* for Node it is a line */
  report_send_finished(report);
}

void announce_started(struct keeper *keeper) {
  struct report report = report_open("started");

  live_file_note_running(keeper);
  live_file_note_event(keeper, "start");
  greet(keeper, false);
  add_run(&report, keeper);
  live_file_add_network(&report, keeper);
  tell(keeper, &report);
}

void announce_refused(const struct failure *why) {
  struct report report = report_open("failed");

  report_refusal(&report, why);
  report_send(&report);
}

void announce_died(struct keeper *keeper, struct ending *ending) {
  struct report report = report_open("died");

  live_file_note_restarting(keeper, ending);
  ending_note_death(keeper, ending);
  greet(keeper, true);
  ending_describe(&report, keeper, ending);
  tell(keeper, &report);
}

void announce_network(struct keeper *keeper) {
  struct report report = report_open("network");

  live_file_note_running(keeper);
  live_file_add_network(&report, keeper);
  tell(keeper, &report);
}

void announce_change(struct keeper *keeper) {
  if (keeper->pid == 0)
    return;
  live_file_note_running(keeper);
  greet(keeper, false);
}
