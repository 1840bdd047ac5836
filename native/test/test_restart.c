/* test_restart.c — who is started again, and after how long. */
#include "../init/restart.h"

#include <errno.h>
#include <string.h>

#include "tap.h"

static struct restart policy_of(const char *name, uint64_t most) {
  struct operation operation = {.code = PLAN_RESTART,
                                .arguments = {{.text = name}, {.number = most}}};
  const struct plan plan = {.count = 1, .operations = &operation};
  struct restart restart;
  struct failure why = {0};

  (void) restart_read(&plan, &restart, &why);
  return restart;
}

/* The delay, or -1. */
static int after(struct restart *restart, int exit_code, int64_t ran_ms) {
  const struct restart_end end = {.exit_code = exit_code, .ran_ms = ran_ms};
  int delay_ms = 0;

  return restart_decide(restart, &end, &delay_ms) ? delay_ms : -1;
}

static void reads_policies(void) {
  const struct plan none = {0};
  struct operation odd = {.code = PLAN_RESTART, .arguments = {{.text = "sometimes"}}};
  const struct plan wrong = {.count = 1, .operations = &odd};
  struct restart restart;
  struct failure why = {0};

  is_int(restart_read(&none, &restart, &why), 0, "a plan without a policy");
  is_int(after(&restart, 1, 0), -1, "has none: no restart");
  is_int(restart_read(&wrong, &restart, &why), -EINVAL, "a policy that is none is refused");
  is_text(why.what, "restart sometimes", "and said");
}

static void follows_policies(void) {
  struct restart no = policy_of("no", 0), always = policy_of("always", 0);
  struct restart unless = policy_of("unless-stopped", 0), failure = policy_of("on-failure", 0);

  is_int(after(&no, 1, 0), -1, "no");
  is_int(after(&always, 0, 0), 100, "always, after a success too");
  is_int(after(&unless, 0, 0), 100, "unless-stopped the same");
  is_int(after(&failure, 0, 0), -1, "on-failure does not restart a success");
  is_int(after(&failure, 1, 0), 100, "but a failure");
}

static void counts(void) {
  struct restart restart = policy_of("on-failure", 2);

  is_int(after(&restart, 1, 0), 100, "a first time");
  is_int(after(&restart, 1, 0), 200, "a second time, after twice the delay");
  is_int(after(&restart, 1, 0), -1, "and no more");
  is_int((long) restart.count, 2, "two restarts");
}

static void backs_off(void) {
  struct restart restart = policy_of("always", 0);
  int delay = 0;

  for (int i = 0; i < 10; i++)
    delay = after(&restart, 1, 0);
  is_int(delay, 51200, "the delay doubles");
  is_int(after(&restart, 1, 0), 60000, "up to a minute");
  is_int(after(&restart, 1, 0), 60000, "and stays there");
  is_int(after(&restart, 1, 9999), 60000, "who runs for less than ten seconds waits on");
  is_int(after(&restart, 1, 10000), 100, "who runs for ten begins anew");
  is_int(after(&restart, 1, 0), 200, "and doubles again");
}

static void ends_by_hand(void) {
  struct restart restart = policy_of("always", 0);

  (void) after(&restart, 1, 0);
  restart.is_ending = true;
  restart.by_hand = true;
  is_int(after(&restart, 1, 0), -1, "who is to end is not started again");
  restart.again = true;
  is_int(after(&restart, 1, 0), 0, "but at once where that was asked for");
  is_int((long) restart.count, 0, "as by hand: nothing of before counts");
  is_int(restart.by_hand || restart.is_ending || restart.again, 0, "nor is asked for");
  is_int(after(&restart, 1, 0), 100, "and the policy holds as before");

  struct restart no = policy_of("no", 0);
  no.again = true;
  is_int(after(&no, 0, 0), 0, "whatever the policy");
  is_int(after(&no, 0, 0), -1, "once");
}

int main(void) {
  reads_policies();
  follows_policies();
  counts();
  backs_off();
  ends_by_hand();
  return done_testing();
}
