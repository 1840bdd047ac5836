/* keeper.h — the host side of one container: starts its first process, stays its parent. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "../core/plan.h"
#include "../core/raw.h"
#include "companion.h"
#include "leftovers.h"
#include "namespaces.h"
#include "network.h"
#include "terminal.h"

/* The root's, and those of images that are mounted. */
#define KEEPER_MAX_FILESYSTEMS 32

struct keeper {
  const struct plan *plan;
  int live;                              /* descriptor of live/<id>, whose lock says that we live */
  pid_t pid;                             /* the container's first process, 0 before */
  int pidfd;                             /* -1 before */
  int borrowed[NAMESPACES_MAX_BORROWED]; /* mounts of other containers, for the child */
  int borrowed_count;
  struct leftovers leftovers;
  /* Of each fuse-overlayfs in the plan, in its order; none where the kernel does it. */
  struct companion filesystems[KEEPER_MAX_FILESYSTEMS];
  struct network network;
  char started_at[40];       /* RFC 3339; "" until the command runs */
  bool is_detached;          /* the end of Node is not the container's */
  int starter;               /* of detach_begin() */
  struct terminal *terminal; /* NULL: it has none */
  struct size size;          /* the terminal's at the start */
  int host_terminal;         /* where it is shown, to be put back when Node is killed; or -1 */
  struct raw_terminal host_mode;
  /* Called when the network's helper has ended before the container. */
  void (*on_network_loss)(const struct keeper *keeper);
};

/* Start the container. On failure nothing of it is left running, and `ret_exit_code` is what a
 * shell would say: 127 no such command, 126 it cannot be run, 125 it never came to that. */
int keeper_start(struct keeper *keeper, int *ret_exit_code, struct failure *why);

/* Wait for its end, obeying Node meanwhile; Node's death is the container's, unless detached. */
int keeper_wait(struct keeper *keeper, int *ret_status, struct failure *why);

/* When Node may have been killed: it did not put back its terminal then. */
void keeper_restore_host_terminal(const struct keeper *keeper);

/* After the end: stop what served the container. */
void keeper_stop_companions(struct keeper *keeper);

/* Now, as RFC 3339 with nanoseconds, in UTC. */
void keeper_now(char text[static 40]);
