/* report.h — what marmita-init tells Node: one JSON object per line on FD_EVENTS.
 *
 *   struct report report = report_open("exited");
 *   report_number(&report, "exitCode", 0);
 *   report_send(&report);
 *
 * A line that does not fit is cut off in its strings, never in its JSON. Sending is
 * best effort: when Node is gone there is nobody to tell.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "../core/failure.h"

struct report {
  size_t used;
  char text[32768]; /* a path of PATH_MAX, every byte escaped */
};

/* Without an event (NULL) the object begins {"version":1: a file's, not a line for Node. */
struct report report_open(const char *event);
void report_text(struct report *report, const char *name, const char *value);
void report_number(struct report *report, const char *name, long long value);
void report_flag(struct report *report, const char *name, bool value);
/* A list of texts: begun, then one by one, then ended. A text that does not fit is left out. */
void report_list(struct report *report, const char *name);
bool report_item(struct report *report, const char *value);
void report_list_end(struct report *report);
/* End the object and its line; the text lives in `report`. */
const char *report_finish(struct report *report);
/* Finish and send. */
void report_send(struct report *report);
/* The same for one that is finished. */
void report_send_finished(const struct report *report);

/* From now on we end when Node does: nobody waits for what we do. A change of ids makes the kernel
 * forget it, so that comes first. */
void report_end_with_node(void);

/* {"event":"failed","errno":2,"step":"exec","what":"exec /no/such"} */
void report_failed(const struct failure *why);

/* The same of a start that failed, with Docker's exit code for it: 125, 126 or 127. */
int report_exit_code(const struct failure *why);
void report_refusal(struct report *report, const struct failure *why);
