/* oom_score.h — which process the kernel ends first when memory runs out: the container's, by plan.
 *
 * A process has the score of who made it. So the keeper takes on the container's for the moment of
 * the clone: the child's own file in /proc is out of reach where it is hidden from the start. */
#pragma once

#include "../core/failure.h"
#include "../core/plan.h"

/* The keeper's own, while the container's is in its place; "" for none. */
struct oom_score {
  char own[16];
};

/* Nothing where the plan says nothing. `file` is our own file of it. */
int oom_score_lend(const struct plan *plan, int file, struct oom_score *ret_own,
                   struct failure *why);
void oom_score_restore(int file, const struct oom_score *own);
