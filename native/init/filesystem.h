/* filesystem.h — fuse-overlayfs for one container, where the kernel's overlay will not do. */
#pragma once

#include "../core/failure.h"
#include "companion.h"

/* Move this process into a mount namespace of its own and have `argv` mount on `target` there.
 * The process dies with us. */
int filesystem_start(const char *target, char *const *argv, struct companion *ret_companion,
                     struct failure *why);

/* Unmount and wait for the process to go. */
void filesystem_stop(const char *target, struct companion *companion);
