/* orders.h — what a keeper is told: by Node, a line for each on FD_EVENTS, and by the clients of
 * its socket, a frame for each. Numbers are decimal.
 *
 *   signal N        to the container's first process. Between two runs, one that would end it
 *                   ends the pause, and with it the container
 *   end N [MS]      the same, and it is not started again: somebody wants it to stop. After so
 *                   many milliseconds it is killed
 *   again [N [MS]]  whatever its policy, it is started once more after its next end; `end N MS`
 *                   is to bring that about
 *   resize C R      columns and rows of its terminal
 *   paused 0|1      its processes were made to stand still, or to go on
 *   name            it was renamed: nothing, for its name is looked up whenever it is told
 *   wait            nothing: who asks hears of the end as everybody does
 *   detach          from Node only: from now on the end of Node is not the container's; the line
 *                   `detached` answers it
 *
 * Node is not told what came of a line of it.
 */
#pragma once

#include <stdbool.h>

#include "keeper.h"

/* Read once from Node, which has something to say, and obey. False at its end: Node is gone. */
bool orders_read(struct keeper *keeper);

/* `whose` is the keeper. EINVAL: no order of a client's. ESRCH: it does not run. */
int orders_obey(void *whose, const char *order, struct failure *why);
