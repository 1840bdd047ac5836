/* reaper.h — the container's first process where its command is not to be that itself.
 *
 *        reaper (1)                        command (2)
 *
 *        fork()              ------------>  a session of its own
 *        gives up what the command gives up, but takes no filter and no limits
 *        lets go of all descriptors         READY, PROCEED, execve()
 *        signals             ------------>
 *        wait(), for whatever has lost its parent
 *                            <------------  ends
 *        ends with its status, and the kernel ends all that is left
 *
 * It starts nothing, reads nothing, and nobody may look into it.
 */
#pragma once

#include <sys/types.h>

#include "../core/failure.h"

/* Returns 0 in the command's process, and in the reaper its pid. Signals stay blocked in both. */
int reaper_fork(pid_t *ret_command, struct failure *why);

/* What the reaper does from then on. */
_Noreturn void reaper_run(pid_t command);
