#include "ending.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/fd.h"
#include "../core/tree.h"
#include "../core/volume.h"
#include "announce.h"
#include "events.h"
#include "live_file.h"
#include "own_name.h"
#include "streams.h"

void ending_describe(struct report *report, const struct keeper *keeper,
                     const struct ending *ending) {
  report_number(report, "exitCode", ending->exit_code);
  report_number(report, "signal", ending->signal);
  if (ending->started_at[0] != '\0')
    report_text(report, "startedAt", ending->started_at);
  report_text(report, "finishedAt", ending->finished_at);
  if (ending->error[0] != '\0')
    report_text(report, "error", ending->error);
  if (keeper->restart.count > 0)
    report_number(report, "restartCount", (long long) keeper->restart.count);
  if (keeper->restart.by_hand)
    report_flag(report, "stoppedByHand", true);
}

static struct report describe(const char *event, const struct keeper *keeper,
                              const struct ending *ending) {
  struct report report = report_open(event);

  ending_describe(&report, keeper, ending);
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
  const char *trash = removal->arguments[0].text;
  int r;

  own_name_release(plan);
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

void ending_note_death(const struct keeper *keeper, struct ending *ending) {
  char name[NAME_MAX + 1];
  const struct event_death death = {ending->exit_code, ending->started_at};

  if (ending->started_at[0] != '\0' && !ending->is_noted) {
    own_name_find(keeper->plan, name);
    events_write_death(keeper->plan, name, &death);
  }
  ending->is_noted = true;
}

int ending_put_away(struct keeper *keeper, struct ending *ending, struct failure *why) {
  const struct operation *removal = plan_find(keeper->plan, PLAN_REMOVE);
  const char *bundle = plan_text(keeper->plan, PLAN_BUNDLE);
  const char *live = plan_text(keeper->plan, PLAN_LIVE);
  char name[NAME_MAX + 1]; /* it is told of when it is gone, too */
  bool is_done = true;
  int r = 0;

  own_name_find(keeper->plan, name);
  struct report report = describe(NULL, keeper, ending);
  if (removal != NULL) {
    ending_note_death(keeper, ending);
    r = remove_container(keeper->plan, removal, why);
  } else if (bundle != NULL && write_ending(bundle, &report, why) < 0) {
    is_done = false;
    report = describe(NULL, keeper, ending);
    r = live_file_write(keeper->live, &report, why);
  }
  if (r < 0)
    return r;
  if (removal != NULL)
    events_write(keeper->plan, &(struct event){.action = "destroy", .name = name});
  else
    ending_note_death(keeper, ending);

  streams_hide(keeper->streams);
  if (live != NULL && is_done)
    (void) unlink(live); /* where it stays, the next sweep finishes this */
  report = describe("exited", keeper, ending);
  streams_close(keeper->streams, announce_object(&report));
  keeper->streams = NULL;
  report = describe("exited", keeper, ending);
  report_send(&report);
  return 0;
}
