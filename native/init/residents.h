/* residents.h — all processes of a container, stopped and continued together.
 *
 * Whose they are is told by /proc: those in the container's mount namespace, and whatever
 * descends from them, in which namespaces ever. A process of a container that shares our pids and
 * has both left that mount namespace and lost its parent is not found.
 *
 * Parents are stopped before their children, and continued after them: a shell with job control
 * sees nothing of it. What stood still before keeps standing still.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../core/failure.h"

/* A container as /proc knows it. */
struct residents_home {
  pid_t first;  /* its first process */
  dev_t device; /* of its mount namespace, as stat(2) tells them apart */
  ino_t inode;
};

/* Told from the next bearer of its number by its start, in clock ticks since the boot. */
struct resident {
  pid_t pid;
  long long start;
  int pidfd;
};

/* Where `first` lives. Returns the process that was looked at: a first process of ours
 * (init/reaper.h) hides, then it is a child of it, or 0 where there is none, and nobody is in its
 * mount namespace but what descends from it. */
pid_t residents_find_home(pid_t first, struct residents_home *ret_home);

/* The processes that were stopped, in the order in which they were. */
struct residents {
  struct resident *stopped;
  size_t count;
};

/* Returns when all stand still. On failure none is stopped any more: ETIMEDOUT when one goes on
 * running. `ret_residents` is for residents_continue(), once. */
int residents_stop(const struct residents_home *home, struct residents *ret_residents,
                   struct failure *why);

void residents_continue(struct residents *residents);

/* Those that stand still already, parents before their children: for residents_continue(), or
 * residents_forget(). */
int residents_find_still(const struct residents_home *home, struct residents *ret_residents,
                         struct failure *why);
bool residents_has(const struct residents *residents, pid_t pid, long long start);
/* That one goes on standing still, if it is among them. */
void residents_drop(struct residents *residents, pid_t pid, long long start);
/* All of them do. */
void residents_forget(struct residents *residents);
