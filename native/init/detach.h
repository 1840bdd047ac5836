/* detach.h — a keeper that Node lets go of.
 *
 * Who was started by Node is its child, to be reaped by it. So a keeper that is to outlive Node
 * goes on in a process of its own, while the first one waits until the container has started, and
 * ends then. Until that moment the two live and die as one: Node ends a start by a signal to its
 * child.
 */
#pragma once

#include "../core/failure.h"

/* Where the second process holds what the first one waits for. */
#define DETACH_STARTER 7

/* Returns in the second process, in a session of its own. First of all calls: from here on files of
 * /proc/self are its own. */
int detach_begin(struct failure *why);

/* Again after a change of ids or of the user namespace, by which the kernel forgets whom we are to
 * die with. Without detach_begin() nothing happens, nor does below. */
void detach_stay(void);

/* The container runs: from now on nothing but its end is ours. */
void detach_finish(void);
