/* watch.h — the keeper while its container runs, and between two runs: it carries what is read and
 * written, obeys orders, and sees who ends. */
#pragma once

#include "keeper.h"

/* Wait for the end of a run, and of all that it left behind. Node's end is the container's, unless
 * that is detached. `ret_status` is as of waitpid(2). */
int keeper_wait(struct keeper *keeper, int *ret_status, struct failure *why);

/* Wait so long before the next run; less when it is to be the end, or the next is wanted at once.
 */
int keeper_pause(struct keeper *keeper, int64_t delay_ms, struct failure *why);
