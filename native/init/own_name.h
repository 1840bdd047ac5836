/* own_name.h — what a container is called now: it may have been renamed since its plan was made.
 *
 * A name is a link NAMES/<name> whose text is the container's id; the plan has the path of one.
 * Where that means nobody any more, or another container, the one that means ours is looked for
 * beside it.
 */
#pragma once

#include <limits.h>

#include "../core/plan.h"

/* That of the plan when it has none. */
void own_name_find(const struct plan *plan, char ret_name[static NAME_MAX + 1]);

/* Give it back, and nobody else's. Best effort: a link that is left means a container that is not
 * there, and is taken by whoever wants the name next. */
void own_name_release(const struct plan *plan);
