#include "live_file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "events.h"
#include "own_name.h"
#include "streams.h"

int live_file_write(int live, struct report *report, struct failure *why) {
  const char *text = report_finish(report);
  const ssize_t size = (ssize_t) strlen(text);

  if (pwrite(live, text, (size_t) size, 0) != size || ftruncate(live, size) < 0)
    return fail(why, errno, "write live file");
  return 0;
}

void live_file_add_network(struct report *report, const struct keeper *keeper) {
  const char *helper = network_helper(&keeper->network);

  if (plan_find(keeper->plan, PLAN_NETWORK) == NULL)
    return;
  report_text(report, "network", helper == NULL ? "" : helper);
  if (keeper->network.lost[0] != '\0')
    report_text(report, "networkLost", keeper->network.lost);
}

/* What is so in all runs, and between them. */
static void add_keeping(struct report *note, const struct keeper *keeper) {
  const char *error = streams_socket_error(keeper->streams);

  if (keeper->restart.count > 0)
    report_number(note, "restartCount", (long long) keeper->restart.count);
  if (error[0] != '\0')
    report_text(note, "socketError", error);
}

void live_file_note_running(const struct keeper *keeper) {
  const struct namespaces_holder holder = namespaces_holder_of(keeper->pid);
  struct failure ignored;
  struct report note = report_open(NULL);

  /* In this order: others look for the first three (namespaces.c). */
  report_number(&note, "pid", holder.pid);
  report_number(&note, "pidStart", holder.start);
  report_text(&note, "bootId", holder.boot);
  report_number(&note, "keeper", getpid());
  report_text(&note, "startedAt", keeper->started_at);
  live_file_add_network(&note, keeper);
  if (keeper->cgroup.path != NULL)
    report_text(&note, "cgroup", keeper->cgroup.path);
  if (keeper->is_paused)
    report_flag(&note, "paused", true);
  add_keeping(&note, keeper);
  (void) live_file_write(keeper->live, &note, &ignored);
}

/* No process: what is to be found out if we die now is how the last run ended. */
void live_file_note_restarting(const struct keeper *keeper, const struct ending *ending) {
  struct failure ignored;
  struct report note = report_open(NULL);

  report_number(&note, "keeper", getpid());
  report_flag(&note, "restarting", true);
  report_number(&note, "exitCode", ending->exit_code);
  report_text(&note, "startedAt", ending->started_at);
  report_text(&note, "finishedAt", ending->finished_at);
  add_keeping(&note, keeper);
  (void) live_file_write(keeper->live, &note, &ignored);
}

void live_file_note_event(const struct keeper *keeper, const char *action) {
  char name[NAME_MAX + 1];

  own_name_find(keeper->plan, name);
  events_write(keeper->plan, &(struct event){.action = action, .name = name});
}
