/* family.h — the end of all that descends from one process, which adopts its orphans
 * (PR_SET_CHILD_SUBREAPER): whoever loses its parent in there is its child from then on.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Kill all descendants of `head`, not itself, until none is left that runs: it may go on making new
 * ones meanwhile. `proc` is open on a /proc, and `head` a number of that one, whatever pid
 * namespace the caller is in. Gives up after seconds: false. */
bool family_end(int proc, pid_t head);
