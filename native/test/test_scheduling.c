/* test_scheduling.c — lists of CPUs, schedulers, and room for limits. */
#include "../init/scheduling.h"

#include <errno.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../init/limits.h"
#include "tap.h"

static int set_cpus(const char *list) {
  struct failure why;

  return scheduling_set_cpus(list, &why);
}

static void reads_lists_of_cpus(void) {
  static const char *const wrong[] = {"x", "-1", "0-", "3-1", "0;1", "99999", "0,,1", "0-1-2"};
  cpu_set_t before, now;

  (void) sched_getaffinity(0, sizeof before, &before);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    is_int(set_cpus(wrong[i]), -EINVAL, wrong[i]);
  (void) sched_getaffinity(0, sizeof now, &now);
  is_int(CPU_EQUAL(&before, &now), 1, "and nothing comes of them");
  is_int(set_cpus(""), 0, "none are those of before");
  is_int(set_cpus("1000-1023"), -EINVAL, "CPUs that the machine has not are refused by the kernel");
  is_int(set_cpus("0,0-0"), 0, "one may be named twice");
  (void) sched_getaffinity(0, sizeof now, &now);
  is_int(CPU_COUNT(&now), 1, "and is one");
}

static void applies_what_is_asked(void) {
  const struct scheduling nothing = {0};
  const struct scheduling idle = {
      .has_scheduler = true,
      .policy = SCHED_BATCH,
      .rank = 7,
      .has_io_priority = true,
      .io_priority = (3 << 13) | 4,
  };
  struct scheduling wrong = idle;
  struct failure why;

  is_int(scheduling_apply(&nothing, &why), 0, "nothing is nothing");
  is_int(sched_getscheduler(0), SCHED_OTHER, "of the scheduler too");
  is_int(scheduling_apply(&idle, &why), 0, "a process may be less than others");
  is_int(sched_getscheduler(0), SCHED_BATCH, "by its scheduler");
  is_int(getpriority(PRIO_PROCESS, 0), 7, "its nice value");
  is_int(syscall(SYS_ioprio_get, 1, 0), (3 << 13) | 4, "and its I/O");
  wrong.policy = 99;
  is_int(scheduling_apply(&wrong, &why), -EINVAL, "there is no such scheduler");
  is_text(why.what, "set the scheduler", "it says");
  wrong = (struct scheduling){.has_io_priority = true, .io_priority = 7 << 13};
  is_int(scheduling_apply(&wrong, &why), -EINVAL, "nor such a class of I/O");
}

/* What is beyond us is left, in silence; nothing is ever lowered. */
static void makes_room(void) {
  struct rlimit before = {0}, now = {0};
  struct operation operation = {.code = PLAN_RLIMIT};
  const struct plan plan = {.count = 1, .operations = &operation};

  (void) getrlimit(RLIMIT_MSGQUEUE, &before);
  operation.arguments[1].number = RLIMIT_MSGQUEUE;
  operation.arguments[3].number = 5;
  limits_make_room(&plan, 0);
  (void) getrlimit(RLIMIT_MSGQUEUE, &now);
  is_int((long) now.rlim_max, (long) before.rlim_max, "a limit is not lowered for another's sake");
  operation.arguments[3].number = before.rlim_max + 1;
  limits_make_room(&plan, 0);
  (void) getrlimit(RLIMIT_MSGQUEUE, &now);
  is_int(now.rlim_max == before.rlim_max || now.rlim_max == before.rlim_max + 1, 1,
         "and raised where that may be");
  is_int((long) now.rlim_cur, (long) before.rlim_cur, "but the soft one stays");
}

int main(void) {
  reads_lists_of_cpus();
  applies_what_is_asked();
  makes_room();
  return done_testing();
}
