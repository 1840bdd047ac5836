/* ending.h — what is left of a container that has ended: exit.json, or nothing. */
#pragma once

#include <stdbool.h>

#include "keeper.h"
#include "report.h"

/* Of the last run. */
struct ending {
  int exit_code;
  int signal;                   /* 0 unless one ended it */
  char started_at[CLOCK_TEXT];  /* "" when its command never ran */
  char finished_at[CLOCK_TEXT]; /* RFC 3339 */
  char error[1100];             /* why the last start failed, or "" */
  bool is_noted;                /* among what happens */
};

void ending_describe(struct report *report, const struct keeper *keeper,
                     const struct ending *ending);

/* Among what happens: once for each run. */
void ending_note_death(const struct keeper *keeper, struct ending *ending);

/* Write how it ended, or remove it; then live/<id> goes, and Node is told `exited`. What could not
 * be written there is in live/<id>, for the next sweep. */
int ending_put_away(struct keeper *keeper, struct ending *ending, struct failure *why);
