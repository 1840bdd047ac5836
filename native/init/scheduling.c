#include "scheduling.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/sched/types.h, first version: it clashes with sched.h of some C libraries. */
struct attributes {
  uint32_t size;
  uint32_t policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime;
  uint64_t deadline;
  uint64_t period;
};

/* linux/ioprio.h */
#define WHO_PROCESS 1

static int set_scheduler(const struct scheduling *wanted, struct failure *why) {
  const bool is_real_time = wanted->policy == SCHED_FIFO || wanted->policy == SCHED_RR;
  const struct attributes attributes = {
      .size = sizeof attributes,
      .policy = wanted->policy,
      .flags = wanted->flags,
      .nice = is_real_time ? 0 : wanted->rank,
      .priority = is_real_time ? (uint32_t) wanted->rank : 0,
      .runtime = wanted->runtime_ns,
      .deadline = wanted->deadline_ns,
      .period = wanted->period_ns,
  };

  if (syscall(SYS_sched_setattr, 0, &attributes, 0) < 0)
    return fail(why, errno, "set the scheduler");
  return 0;
}

int scheduling_apply(const struct scheduling *scheduling, struct failure *why) {
  if (scheduling->has_io_priority &&
      syscall(SYS_ioprio_set, WHO_PROCESS, 0, scheduling->io_priority) < 0)
    return fail(why, errno, "set the priority of I/O");
  if (scheduling->cpus != NULL && scheduling_set_cpus(scheduling->cpus, why) < 0)
    return -why->errnum;
  /* The last one, as with SCHED_DEADLINE CPUs cannot be chosen any more. */
  return scheduling->has_scheduler ? set_scheduler(scheduling, why) : 0;
}

/* "3" or "0-3" at the beginning; NULL when it is neither. */
static const char *add_range(const char *text, cpu_set_t *cpus) {
  char *end = NULL;
  const unsigned long first = strtoul(text, &end, 10);
  unsigned long last = first;

  if (end == text)
    return NULL;
  if (*end == '-') {
    text = end + 1;
    last = strtoul(text, &end, 10);
    if (end == text)
      return NULL;
  }
  if (last < first || last >= CPU_SETSIZE)
    return NULL;
  for (unsigned long cpu = first; cpu <= last; cpu++)
    CPU_SET(cpu, cpus);
  return end;
}

int scheduling_set_cpus(const char *list, struct failure *why) {
  const char *rest = list;
  cpu_set_t cpus;

  CPU_ZERO(&cpus);
  while (rest != NULL && *rest != '\0') {
    rest = add_range(rest, &cpus);
    if (rest != NULL && *rest == ',')
      rest++;
    else if (rest != NULL && *rest != '\0')
      rest = NULL;
  }
  if (rest == NULL)
    return fail(why, EINVAL, "run on the CPUs %.100s", list);
  if (*list != '\0' && sched_setaffinity(0, sizeof cpus, &cpus) < 0)
    return fail(why, errno, "run on the CPUs %.100s", list);
  return 0;
}
