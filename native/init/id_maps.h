/* id_maps.h — the ids of the user namespace that a bare container makes, as its plan has them. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "../core/failure.h"
#include "../core/plan.h"

/* Whether it makes one. */
bool id_maps_are_asked(const struct plan *plan);

/* Of the user namespace that this process was born into, or has made; nothing where none is asked
 * for. It must let itself be looked at. */
int id_maps_write(const struct plan *plan, pid_t pid, struct failure *why);
