/* moving.h — descriptors of a process that was cloned go where they stay, and all others are
 * closed.
 *
 *   moving_add_preserved()   the command's own, from 3 on: first
 *   moving_add()             then ours, which are closed when it is executed
 *   moving_carry_out()
 */
#pragma once

#include "../core/spawn.h"
#include "mapped_mounts.h"
#include "namespaces.h"

enum {
  MOVING_FIRST = 3,
  MOVING_MOST = SPAWN_MAX_FDS + 5 + NAMESPACES_MAX_BORROWED + MAPPED_MOUNTS_MAX,
};

struct moving {
  int count;
  int preserved_count;
  int sources[MOVING_MOST];
};

/* So many of them, from `first` on. */
void moving_add_preserved(struct moving *moving, int first, int count);

/* Where it is to be. */
int moving_add(struct moving *moving, int fd);

/* Ends the process when there is no room for it. */
void moving_carry_out(struct moving *moving);
