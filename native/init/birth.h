/* birth.h — how a container's first process comes to be a child of its keeper.
 *
 * Where it is to see the processes of another container, a go-between clones it (go_between.h): all
 * that a process starts once it has entered a pid namespace is in there, and the program that
 * connects the network would be seen by the other container, whose root may end and trace what it
 * sees, being in the same user namespace.
 */
#pragma once

#include <sys/types.h>

#include "../core/failure.h"
#include "child.h"
#include "go_between.h"

/* The child waits for SYNC_MAPPED; it closes `ours` and keeps `start->sync`. On failure there is
 * none. */
int birth_give(const struct child_start *start, int ours, struct birth *ret_birth,
               struct failure *why);

/* The namespaces that a plan makes, but for that of control groups where the child is moved into
 * its group: as with `start->cgroup` (go_between.h) it makes that itself, once it is there. */
uint64_t birth_flags(const struct plan *plan);
