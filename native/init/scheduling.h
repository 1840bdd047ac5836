/* scheduling.h — when and where a command runs: its scheduler, the class of its I/O, its CPUs.
 *
 * All of it stays with what the command starts. What is beyond everybody's rights takes
 * capabilities in the machine's own user namespace (sched_setattr(2), ioprio_set(2)).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../core/failure.h"

struct scheduling {
  bool has_scheduler;
  uint32_t policy; /* SCHED_… */
  uint64_t flags;  /* SCHED_FLAG_… */
  int32_t rank;    /* its nice value, or of SCHED_FIFO and SCHED_RR the priority */
  uint64_t runtime_ns;
  uint64_t deadline_ns;
  uint64_t period_ns;
  bool has_io_priority;
  int io_priority;  /* class and level as of ioprio_set(2) */
  const char *cpus; /* NULL: as they are */
};

int scheduling_apply(const struct scheduling *scheduling, struct failure *why);

/* A list as "0-3,7": the calling process runs on these from now on. "" changes nothing. */
int scheduling_set_cpus(const char *list, struct failure *why);
