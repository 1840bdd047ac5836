/* spawn.h — start marmita-init from a process of many threads and much memory.
 *
 * posix_spawn() shares the caller's memory until exec (CLONE_VM|CLONE_VFORK): its cost does not
 * grow with the caller, fork()'s does, by 20 ms in a process of 1.5 GB. Linux only: pidfds.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "failure.h"

#define SPAWN_MAX_FDS 256

struct spawn_request {
  const char *path;
  char *const *argv;
  char *const *environment;
  const int *fds; /* fds[i] becomes descriptor i of the process; -1: /dev/null */
  size_t fd_count;
};

struct spawned {
  pid_t pid;
  int pidfd;
};

/* The process gets a session of its own, default signals and an empty mask. */
int spawn_start(const struct spawn_request *request, struct spawned *ret_spawned,
                struct failure *why);

/* 1 and the status of waitid(2) when it has ended, 0 while it has not. */
int spawn_reap(int pidfd, int *ret_exit_code, int *ret_signal, struct failure *why);
