/* target.h — the container that one more process goes into, by a process of it.
 *
 * Where that process has gone into namespaces of its own since, it is followed: they lie inside the
 * container's. A namespace that it shares with us is not entered: nobody enters his own user
 * namespace twice.
 */
#pragma once

#include <stdint.h>

#include "../core/plan.h"

struct target {
  int pidfd;
  uint64_t namespaces; /* CLONE_NEW… of those that are others than ours */
  int root;            /* its root directory, where it has our mounts; else -1 */
};

#define TARGET_NONE ((struct target){.pidfd = -1, .root = -1})

/* By the plan's `target`. ESRCH: it has ended. EACCES: it does not let itself be looked at by us,
 * as one that waits for its start does not. */
int target_find(const struct plan *plan, struct target *ret_target, struct failure *why);

/* For a go-between: we are hidden from all inside, and root of its user namespace, if that is
 * another than ours and has a root. */
int target_enter(const struct target *target, struct failure *why);
