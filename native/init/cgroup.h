/* cgroup.h — a control group (version 2) for a container alone, below the one that its keeper is
 * in.
 *
 * No controllers are asked for: it is there to freeze and to count what is in it. Where it cannot
 * be made, for the keeper's own is not ours to write, the container stays where its keeper is.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "../core/failure.h"

/* NULL, or `{.fd = -1}`: none. */
struct cgroup {
  char *path;
  int fd; /* of its directory, for whom it is made; -1 once he is there */
};

/* A leftover by that name is taken over. */
struct cgroup cgroup_make(const char *name);

/* The directory of one that is there already; where `path` is NULL nothing is written. */
int cgroup_open(const char *path, int *ret_fd, struct failure *why);

/* That of a process of a container, where it has one for itself, for who joins it: a descriptor of
 * its directory, or -1. */
int cgroup_open_of(pid_t pid);

/* Whether all that is in it stands still, where it has one for itself. */
bool cgroup_is_frozen(pid_t pid);

/* After the end of all that is in it. Twice is fine. */
void cgroup_remove(struct cgroup *cgroup);
