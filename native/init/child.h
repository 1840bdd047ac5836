/* child.h — a container's first process, from clone() to the user's command. */
#pragma once

#include "../core/plan.h"

/* `sync` is the child's end of the conversation in core/sync.h. */
_Noreturn void child_main(const struct plan *plan, int sync);
