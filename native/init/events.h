/* events.h — what happens to a container, as a line in the data root's file of events.
 *
 * lib/engine/event-log.ts writes to the same file, and reads it. Best effort: a container does not
 * fail for want of a line. Only where the plan has the operation `events`.
 */
#pragma once

#include <stddef.h>

#include "../core/plan.h"

/* What there is to tell beside what is always told of this container. Plain words: what JSON
 * would have to escape is left out. */
struct event_attribute {
  const char *name;
  const char *value;
};

struct event {
  const char *action; /* Docker's word: `start` */
  const char *name;   /* of the container, as it is called now; also the path of its link */
  const struct event_attribute *attributes;
  size_t count; /* of these */
};

void events_write(const struct plan *plan, const struct event *event);

/* How a command ended: what is told with `die`. */
struct event_death {
  int exit_code;
  const char *started_at; /* RFC 3339, UTC */
};

void events_write_death(const struct plan *plan, const char *name, const struct event_death *death);
