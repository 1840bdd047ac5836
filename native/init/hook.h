/* hook.h — the hooks of a plan that are carried out in the container's namespaces.
 *
 * A hook reads the container's state on its stdin, which ends with the pid that this process has in
 * its own pid namespace. One of `createContainer` begins in the plan's `bundle`, as under runc.
 * What it writes is heard of only when it fails: the end of it is in the failure. Time-outs count
 * from its start; its process group is killed then (config.md, "POSIX platform Hooks").
 */
#pragma once

#include <stdint.h>

#include "../core/failure.h"
#include "../core/plan.h"

/* Those with this HOOK_… in the plan's order, to the first that fails. ECANCELED: its exit code,
 * or signal. ETIMEDOUT. Else why it could not be executed. */
int hooks_run(const struct plan *plan, uint64_t when, struct failure *why);
