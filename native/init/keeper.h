/* keeper.h — the host side of one container: starts its first process, stays its parent.
 *
 *   keeper_start()      a run: all that it needs is set up anew
 *   keeper_wait()       watch.h: until it has ended, obeying whoever gives orders
 *   keeper_clean_up()   nothing of the run is left
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../core/clock.h"
#include "../core/plan.h"
#include "../core/raw.h"
#include "cgroup.h"
#include "companion.h"
#include "leftovers.h"
#include "lines.h"
#include "namespaces.h"
#include "network.h"
#include "restart.h"
#include "terminal.h"

/* The root's, and those of images that are mounted. */
#define KEEPER_MAX_FILESYSTEMS 32
/* And the network's, a health check's, and the 0 behind them. */
#define KEEPER_MAX_COMPANIONS (KEEPER_MAX_FILESYSTEMS + 3)

struct health;
struct streams;

struct keeper {
  const struct plan *plan;
  int live; /* descriptor of live/<id>, whose lock says that we live */

  /* Of one run. */
  pid_t pid;                             /* the container's first process, 0 before */
  int pidfd;                             /* -1 before */
  int borrowed[NAMESPACES_MAX_BORROWED]; /* mounts of other containers, for the child */
  int borrowed_count;
  struct leftovers leftovers;
  /* Of each fuse-overlayfs in the plan, in its order; none where the kernel does it. */
  struct companion filesystems[KEEPER_MAX_FILESYSTEMS];
  struct network network;
  char started_at[CLOCK_TEXT]; /* RFC 3339; "" until the command runs */
  int64_t started_ms;          /* clock_ms() then */
  int64_t kill_at_ms;          /* it is killed then, who has been asked to end; 0: never */
  bool is_paused;              /* as we were told */
  struct cgroup cgroup;

  /* Of all. */
  struct restart restart;
  bool is_detached;       /* the end of Node is not the container's */
  int node;               /* FD_EVENTS; -1 when Node is gone */
  int signals;            /* watch.h; -1 before */
  struct lines from_node; /* orders (orders.h) */
  struct streams *streams;
  struct health *health;
  struct size size;  /* the terminal's at the start */
  int host_terminal; /* where it is shown, to be put back when Node is killed; or -1 */
  struct raw_terminal host_mode;
};

/* Start the container. On failure nothing of it is left running, and `ret_exit_code` is what a
 * shell would say: 127 no such command, 126 it cannot be run, 125 it never came to that. */
int keeper_start(struct keeper *keeper, int *ret_exit_code, struct failure *why);

/* After the end: stop what served the container, and forget it. */
void keeper_clean_up(struct keeper *keeper);

/* Children of ours that are none of the container's; 0 behind them. */
void keeper_list_companions(const struct keeper *keeper,
                            pid_t ret_pids[static KEEPER_MAX_COMPANIONS]);

/* When Node may have been killed: it did not put back its terminal then. */
void keeper_restore_host_terminal(const struct keeper *keeper);
