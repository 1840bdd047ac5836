/* listener.h — a filter that leaves some system calls to somebody else (SECCOMP_RET_USER_NOTIF). */
#pragma once

#include "../core/failure.h"
#include "../core/seccomp.h"
#include "outside.h"

/* Install the filter, and send the descriptor that it is answered through over `outside`'s socket,
 * with the state of the container process beside it (runtime-spec, config-linux.md). */
int listener_install(const struct seccomp_filter *filter, struct outside *outside,
                     struct failure *why);
