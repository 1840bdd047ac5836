/* limits.h — resource limits beyond one's own.
 *
 * A hard limit is raised with CAP_SYS_RESOURCE in the machine's own user namespace (getrlimit(2)),
 * which the processes of a container have not: where we have it, we make room for them.
 */
#pragma once

#include <sys/types.h>

#include "../core/plan.h"

/* The process (0: this one), which has not set its own yet, may then have what the plan's `rlimit`
 * says. Where that is beyond us nothing is done: it will say so itself. */
void limits_make_room(const struct plan *plan, pid_t pid);
