/* network.h — the program that connects one container's network: pasta or slirp4netns.
 *
 *   keeper                     helper                       child
 *                              (this machine's network)     (a network of its own)
 *
 *   clone(CLONE_NEWNET|…)  ---------------------------->    starts
 *   opens its namespace
 *   network_start()  ------>   makes a tap device there,    takes the steps of the plan
 *                              addresses, routes
 *   network_await()  <------   writes to its descriptor 0
 *   /etc/hosts: what address it has
 *   SYNC_PROCEED  ------------------------------------->    execve()
 *
 * The helper's descriptors are 0, a pipe on which any byte says that it is ready; 1, the network
 * namespace; 2, what it complains to. Its command line names them: /proc/self/fd/1.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../core/failure.h"
#include "../core/plan.h"
#include "companion.h"

struct network {
  const struct plan *plan;
  size_t at; /* of the operation that is tried, or in use */
  struct companion companion;
  int namespace_fd; /* -1: the plan asks for no helper. Kept: the namespace ends after the helper */
  int ready;        /* -1 from then on */
  int words;
  char lost[256]; /* why there is no helper, or not the plan's first; else "" */
};

/* Start the plan's first helper for the network `namespace_fd`, which is ours then; nothing
 * without any. */
int network_start(struct network *network, int namespace_fd, struct failure *why);

/* Wait until it is ready. One that fails makes room for the plan's next; after the last the
 * container goes without, and `lost` says why, or that is the failure where the plan wants it so.
 * ECANCELED when `node` is closed meanwhile. */
int network_await(struct network *network, int node, struct failure *why);

/* The helper's name; NULL when none runs. */
const char *network_helper(const struct network *network);

/* Its pidfd is readable: reap it, and say in `lost` how it ended. */
void network_note_loss(struct network *network);

/* Twice is fine. */
void network_stop(struct network *network);
