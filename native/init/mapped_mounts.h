/* mapped_mounts.h — mounts on which ids are others than on disk.
 *
 * The kernel takes them from root over the file system (mount_setattr(2)), which the processes of a
 * container are not: so its starter makes the copies, and the child attaches them. How ids are
 * mapped, a user namespace says that is made for that, and in which nobody ever is.
 */
#pragma once

#include "../core/plan.h"

#define MAPPED_MOUNTS_MAX 32

struct mapped_mounts {
  int count;
  int fds[MAPPED_MOUNTS_MAX]; /* for the plan's `bind-mapped` operations, in their order */
};

/* On failure there are none. */
int mapped_mounts_make(const struct plan *plan, struct mapped_mounts *ret_mounts,
                       struct failure *why);
void mapped_mounts_close(struct mapped_mounts *mounts);
