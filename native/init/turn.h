/* turn.h — of several that pause or continue one container each has its turn.
 *
 * Who paused it before us continues all of it some time, what we rely on too: so we wait for that.
 * A lock on the file in live/ that the kernel drops with its holder, none of flock(2)'s, which the
 * keeper has.
 */
#pragma once

#include "../core/failure.h"

/* A descriptor that can be read when a signal comes that would end us: it ends a wait instead. */
int turn_watch_signals(struct failure *why);

/* For a descriptor of each process: as many as may be. */
void turn_raise_limit(void);

/* Into `ret_turn`, or -1 where there is nothing to lock: a descriptor that holds the turn. A
 * failure when Node says anything before, or is no more, or a signal comes. */
int turn_await(const char *live, int signals, int *ret_turn, struct failure *why);
