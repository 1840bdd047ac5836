/* announce.h — what a keeper tells of its container: to Node as a line, to all clients of its
 * socket, and in live/<id> for those who only look. */
#pragma once

#include "ending.h"
#include "keeper.h"
#include "report.h"

/* Its command runs. */
void announce_started(struct keeper *keeper);

/* Finish the report; its text without the end of line, which clients are not told. */
const char *announce_object(struct report *report);

/* It did not come to that. Only Node is told: `exited` says it to all others. */
void announce_refused(const struct failure *why);

/* It has ended, and is to be started again. */
void announce_died(struct keeper *keeper, struct ending *ending);

/* Something of a container that runs has changed: its network's helper has ended. */
void announce_network(struct keeper *keeper);

/* The same where only those who look are to see it: whether it is paused, what it is called. */
void announce_change(struct keeper *keeper);
