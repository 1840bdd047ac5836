/* detach.h — a keeper that Node lets go of.
 *
 * Who was started by Node is its child, to be reaped by it. So a keeper that is to outlive Node
 * goes on in a process of its own, while the first one waits until the container has started, and
 * ends then. Until that moment the two live and die as one: Node ends a start by a signal to its
 * child.
 */
#pragma once

#include "../core/failure.h"

/* Returns in the second process, in a session of its own; `ret_starter` is to be given to
 * detach_finish(). */
int detach_begin(int *ret_starter, struct failure *why);

/* The container runs: from now on nothing but its end is ours. -1: there is nothing to finish. */
void detach_finish(int *starter);
