/* child.h — a container's first process, from clone() to the user's command. */
#pragma once

#include "../core/plan.h"
#include "../core/seccomp.h"
#include "gate.h"

struct child_start {
  const struct plan *plan;
  int sync;            /* the child's end of the conversation in core/sync.h */
  const int *borrowed; /* for the plan's `borrow` and `bind-mapped`, in their order */
  int borrowed_count;
  int cgroup; /* the directory of the control group to start in, or -1 */

  /* In bare mode only. */
  const struct gate *gate; /* where it waits */
  int preserved;           /* the first of the descriptors that the command has from 3 on */
  int preserved_count;
  struct seccomp_filter filter; /* read by who may: ids of the container may not */
};

_Noreturn void child_main(const struct child_start *start);
