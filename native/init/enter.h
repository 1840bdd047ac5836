/* enter.h — a bare container's first process is born into namespaces that others have made, or into
 * a time namespace whose clocks are set.
 *
 *   starter           go-between                                          child
 *
 *   fork()  ------>   opens all namespaces, while paths are the host's
 *                     enters those that it may enter from outside
 *                     enters a user namespace, or makes one
 *   maps    <------   READY
 *           ------>   MAPPED (where it makes one)
 *                     enters the rest, sets the clocks
 *                     clone(CLONE_PARENT)  ---------------------------->  starts, waits
 *           <------   ends
 *
 * Which of the namespaces belong to the user namespace that is entered or made, and which to the
 * one outside, only the kernel knows: so each is tried twice.
 */
#pragma once

#include "child.h"
#include "go_between.h"

/* Whether the plan has `enter` or `time-offsets`. */
bool enter_is_asked(const struct plan *plan);

/* As birth_give(), whose part it does then; a user namespace that the plan makes has its ids. */
int enter_give(const struct child_start *start, int ours, struct birth *ret_birth,
               struct failure *why);
