/* view.h — the files that a container sees, or this machine's, as the root of this process.
 *
 *   here                  this machine's, as whoever started us sees them
 *   running LIVE NAME     of the container whose live file that is, as it sees them now, mounts
 * too, but for /proc, /sys and /dev stopped PLAN          of one that does not run: its root is
 * mounted, with what is bound into it, by the plan's operations, which are those of a root alone
 *
 * Nobody else sees the mounts that are made for it. */
#pragma once

#include <stdbool.h>

#include "../core/plan.h"
#include "companion.h"

#define VIEW_FILESYSTEMS_MAX 32

struct view {
  bool is_inside; /* of a container */
  struct plan plan;
  struct companion filesystems[VIEW_FILESYSTEMS_MAX];
};

/* Takes its words off the front of the arguments. ESRCH: the container does not run. */
int view_enter(int *argc, char ***argv, struct view *view, struct failure *why);

/* What was written is with the file systems then. */
void view_leave(struct view *view);
