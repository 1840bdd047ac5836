/* restart.h — whether a container that has ended is started again, and when: Docker's policies.
 *
 * Nothing is done here: keeper and orders say what happens, and ask.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../core/failure.h"
#include "../core/plan.h"

#define RESTART_FIRST_DELAY_MS 100
#define RESTART_LONGEST_DELAY_MS 60000
/* Who has run for so long is not in a hurry to fail: the delay begins anew. */
#define RESTART_LASTING_MS 10000

enum restart_policy { RESTART_NO, RESTART_ON_FAILURE, RESTART_ALWAYS, RESTART_UNLESS_STOPPED };

struct restart {
  enum restart_policy policy;
  uint64_t most;  /* restarts, with on-failure; 0: no limit */
  uint64_t count; /* how often it was started again */
  int delay_ms;   /* the last */
  bool is_ending; /* the next end is the last */
  bool by_hand;   /* as somebody wanted: the order `end` */
  bool again;     /* but start once more after it: the order `again` */
};

/* EINVAL for a policy that is none. */
int restart_read(const struct plan *plan, struct restart *ret_restart, struct failure *why);

struct restart_end {
  int exit_code;
  int64_t ran_ms;
};

/* True when it is to be started again, after `ret_delay_ms`; that is counted, then. */
bool restart_decide(struct restart *restart, const struct restart_end *end, int *ret_delay_ms);
