#include "limits.h"

#include <sys/resource.h>

static void make_room(const union argument *arguments, pid_t pid) {
  const __rlimit_resource_t resource = (__rlimit_resource_t) arguments[1].number;
  const rlim_t wanted = arguments[3].number;
  struct rlimit limit = {0};

  if (prlimit(pid, resource, NULL, &limit) < 0 || limit.rlim_max >= wanted)
    return;
  limit.rlim_max = wanted;
  (void) prlimit(pid, resource, &limit, NULL);
}

void limits_make_room(const struct plan *plan, pid_t pid) {
  for (size_t i = 0; i < plan->count; i++)
    if (plan->operations[i].code == PLAN_RLIMIT)
      make_room(plan->operations[i].arguments, pid);
}
