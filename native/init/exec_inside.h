/* exec_inside.h — a further command in a container that runs: the two processes of it inside.
 *
 *   watcher (outside)         head                          command (its child)
 *
 *   enters the pid namespace
 *   fork()  -------------->   enters the other namespaces
 *                             adopts orphans
 *                             fork()  ------------------->  the plan's operations
 *           <--------------   its pidfd
 *           <---------------------------------------------  SYNC_TERMINAL, with a terminal
 *           <---------------------------------------------  SYNC_READY
 *   SYNC_PROCEED  ---------------------------------------->  execve()
 *           <--------------   struct exec_status            ends
 *   EXEC_LEAVE  ---------->   ends: what the command left behind is the container's
 *
 * The head is there to keep the command's whole family together: what loses its parent becomes the
 * head's child, so that all of it can be ended. When the watcher dies, the head ends it.
 */
#pragma once

#include <stdint.h>

#include "../core/plan.h"
#include "become.h"

/* How the command ended, as waitpid() tells it: one message from the head. */
struct exec_status {
  int status;
};

/* The byte by which the watcher lets the head go. */
#define EXEC_LEAVE 'l'

struct exec_start {
  const struct plan *plan;
  struct command *command; /* what is known of it outside: its filter */
  int target;              /* pidfd of a process of the container */
  uint64_t namespaces;     /* CLONE_NEW…, but for the pid namespace */
  int sync;                /* the command's end of core/sync.h */
  int report;              /* the head's end of a packet socket to the watcher */
  int proc;                /* open on the watcher's /proc */
};

/* In a child of the watcher's, hidden and in the container's pid namespace already. */
_Noreturn void exec_lead(const struct exec_start *start);
