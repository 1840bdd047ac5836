/* orders.h — what Node tells the keeper of a container that runs: a line for each.
 *
 *   signal 15       for the container's first process
 *   resize 80 24    columns and rows of its terminal
 *   detach          from now on the end of Node is not the container's; answered by `detached`
 *
 * What is no order is passed over, as is what cannot be done any more.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "keeper.h"

/* What has come of a line whose end has not. */
struct orders {
  char text[256];
  size_t used;
};

/* Read once from FD_EVENTS, which is readable, and obey. False at its end: Node is gone. */
bool orders_obey(struct keeper *keeper, struct orders *orders);
