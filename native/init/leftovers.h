/* leftovers.h — the end of all processes of a container that has no pid namespace of its own.
 *
 * With one of its own the kernel ends them all when the first ends. Without, they are found by the
 * mount namespace they are in, which the container does not share; and, in the host's pid
 * namespace, as our children, since whoever loses its parent there becomes one.
 */
#pragma once

#include <sys/types.h>

#include "../core/failure.h"

struct leftovers {
  dev_t device; /* of the mount namespace's file, with its inode */
  ino_t inode;  /* 0: the container's pid namespace is its own, nothing is to be done */
};

/* Before the container's first process is cloned: be told of those who lose their parents. */
int leftovers_adopt(struct failure *why);

/* `mounts` is the mount namespace of its first process. */
int leftovers_note(int mounts, struct leftovers *ret_leftovers, struct failure *why);

/* Reap adopted processes that have ended, but for those in `spared`, which ends with 0. */
void leftovers_reap(const pid_t *spared);

/* After its first process was reaped: kill and reap all that are left, but `spared`. */
void leftovers_end(const struct leftovers *leftovers, const pid_t *spared);
