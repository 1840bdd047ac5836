#include "restart.h"

#include <errno.h>
#include <string.h>

static const char *const names[] = {
    [RESTART_NO] = "no",
    [RESTART_ON_FAILURE] = "on-failure",
    [RESTART_ALWAYS] = "always",
    [RESTART_UNLESS_STOPPED] = "unless-stopped",
};

int restart_read(const struct plan *plan, struct restart *ret_restart, struct failure *why) {
  const struct operation *operation = plan_find(plan, PLAN_RESTART);

  *ret_restart = (struct restart){.policy = RESTART_NO};
  if (operation == NULL)
    return 0;
  ret_restart->most = operation->arguments[1].number;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(operation->arguments[0].text, names[i]) == 0) {
      ret_restart->policy = (enum restart_policy) i;
      return 0;
    }
  return fail(why, EINVAL, "restart %s", operation->arguments[0].text);
}

static bool wants_restart(const struct restart *restart, int exit_code) {
  switch (restart->policy) {
    case RESTART_ON_FAILURE:
      return exit_code != 0 && (restart->most == 0 || restart->count < restart->most);
    case RESTART_ALWAYS:
    case RESTART_UNLESS_STOPPED: return true;
    case RESTART_NO: break;
  }
  return false;
}

static int next_delay(const struct restart *restart, int64_t ran_ms) {
  if (restart->delay_ms == 0 || ran_ms >= RESTART_LASTING_MS)
    return RESTART_FIRST_DELAY_MS;
  return restart->delay_ms >= RESTART_LONGEST_DELAY_MS / 2 ? RESTART_LONGEST_DELAY_MS
                                                           : 2 * restart->delay_ms;
}

bool restart_decide(struct restart *restart, const struct restart_end *end, int *ret_delay_ms) {
  if (restart->again) {
    /* As a start by hand: nothing of what was before counts. */
    *restart = (struct restart){.policy = restart->policy, .most = restart->most};
    *ret_delay_ms = 0;
    return true;
  }
  if (restart->is_ending || !wants_restart(restart, end->exit_code))
    return false;
  restart->delay_ms = next_delay(restart, end->ran_ms);
  restart->count++;
  *ret_delay_ms = restart->delay_ms;
  return true;
}
