/* live_file.h — what live/<id> says while a container has a keeper: for whoever finds us dead, and
 * for those who ask how it is. */
#pragma once

#include "ending.h"
#include "keeper.h"
#include "report.h"

/* Its process runs: who it is, since when, by which helper it is connected. */
void live_file_note_running(const struct keeper *keeper);

/* Its process has ended, and is to be started again. */
void live_file_note_restarting(const struct keeper *keeper, const struct ending *ending);

/* Something else. A full disk does not prevent it: there is room where the old text was. */
int live_file_write(int live, struct report *report, struct failure *why);

/* In the data root's file of events: Docker's word. */
void live_file_note_event(const struct keeper *keeper, const char *action);

/* The helper in use, and why it is not the first one, or none. */
void live_file_add_network(struct report *report, const struct keeper *keeper);
