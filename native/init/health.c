#include "health.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/clock.h"
#include "../core/fd.h"
#include "keeper.h"
#include "report.h"

/* The arguments of the operation `health`; durations in milliseconds. */
enum { PLAN, INTERVAL, TIMEOUT, START_PERIOD, START_INTERVAL, RETRIES };

/* A check that cannot even be ended: its checker is killed, then. */
enum { GRACE_MS = 10000 };

static const char *const words[] = {
    [HEALTH_STARTING] = "starting",
    [HEALTH_HEALTHY] = "healthy",
    [HEALTH_UNHEALTHY] = "unhealthy",
};

static int64_t setting(const struct health *health, int which) {
  return (int64_t) health->operation->arguments[which].number;
}

void health_open(struct health *health, const struct plan *plan) {
  health->operation = plan_find(plan, PLAN_HEALTH);
  health->bundle = plan_text(plan, PLAN_BUNDLE);
  health->checker = CHECKER_NONE;
  if (health->bundle == NULL)
    health->operation = NULL;
}

static int write_log(int file, const struct health *health, struct failure *why) {
  for (size_t i = 0; i < health->count; i++) {
    const struct check_result *result = &health->log[i];
    struct report report = report_open(NULL);

    report_text(&report, "Start", result->start);
    report_text(&report, "End", result->end);
    report_number(&report, "ExitCode", result->exit_code);
    report_text(&report, "Output", result->output);
    const char *text = report_finish(&report);
    if ((i > 0 && fd_write_all(file, ",", 1, why) < 0) ||
        fd_write_all(file, text, strlen(text), why) < 0)
      return -why->errnum;
  }
  return 0;
}

/* Draft, rename. What a power cut takes was of a container that it has ended. */
static int write_file(const struct health *health, struct failure *why) {
  char head[128];
  autoclose int bundle = open(health->bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (bundle < 0)
    return fail(why, errno, "open %s", health->bundle);
  autoclose int file =
      openat(bundle, ".health.json", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0)
    return fail(why, errno, "make health.json");
  (void) snprintf(head, sizeof head, "{\"Status\":\"%s\",\"FailingStreak\":%u,\"Log\":[",
                  words[health->status], health->streak);
  if (fd_write_all(file, head, strlen(head), why) < 0 || write_log(file, health, why) < 0 ||
      fd_write_all(file, "]}\n", 3, why) < 0)
    return -why->errnum;
  if (renameat(bundle, ".health.json", bundle, "health.json") < 0)
    return fail(why, errno, "write health.json");
  return 0;
}

/* A full disk keeps what was there: the next check tries again. */
static void note(const struct health *health) {
  struct failure ignored;

  (void) write_file(health, &ignored);
}

static bool is_in_start_period(const struct health *health) {
  return health->status == HEALTH_STARTING &&
         clock_ms() - health->began_ms < setting(health, START_PERIOD);
}

/* From the end of the last one. */
static void plan_next(struct health *health) {
  const bool is_early = is_in_start_period(health);

  health->due_ms = clock_ms() + setting(health, is_early ? START_INTERVAL : INTERVAL);
}

void health_begin(struct health *health) {
  if (health->operation == NULL)
    return;
  health->is_running = true;
  health->is_paused = false;
  health->began_ms = clock_ms();
  health->status = HEALTH_STARTING;
  health->streak = 0;
  plan_next(health);
  note(health);
}

int health_watch(const struct health *health, struct pollfd *polled) {
  const bool is_checking = health->checker.pid > 0;

  *polled = (struct pollfd){.fd = is_checking ? health->checker.socket : -1, .events = POLLIN};
  if (!health->is_running || (health->is_paused && !is_checking))
    return -1;
  const int64_t left = health->due_ms - clock_ms();
  return left <= 0 ? 0 : left > 60000 ? 60000 : (int) left;
}

/* Failures while it starts do not count, once it has been well all do. */
static void judge(struct health *health, int exit_code) {
  const enum health_status before = health->status;

  if (exit_code == 0) {
    health->streak = 0;
    health->status = HEALTH_HEALTHY;
  } else if (!is_in_start_period(health)) {
    health->streak++;
    if (health->streak >= (unsigned) setting(health, RETRIES))
      health->status = HEALTH_UNHEALTHY;
  }
  note(health);
  if (health->status != before)
    health->on_change(health->whose, words[health->status]);
}

static struct check_result *add_result(struct health *health) {
  if (health->count == HEALTH_MAX_LOG) {
    memmove(health->log, health->log + 1, (HEALTH_MAX_LOG - 1) * sizeof *health->log);
    health->count--;
  }
  return &health->log[health->count++];
}

/* Of a check that no checker tells of. */
static struct check_result *add_failure(struct health *health) {
  struct check_result *result = add_result(health);

  *result = (struct check_result){.exit_code = CHECK_NO_EXIT_CODE};
  clock_text(result->end);
  memcpy(result->start, result->end, sizeof result->start);
  return result;
}

static void conclude(struct health *health, const struct check_result *result) {
  judge(health, result->exit_code);
  plan_next(health);
}

static void begin_check(struct health *health) {
  const uint64_t timeout_ms = (uint64_t) setting(health, TIMEOUT);
  const char *plan = health->operation->arguments[PLAN].text;
  struct failure why = {0};

  health->due_ms = clock_ms() + (int64_t) timeout_ms + GRACE_MS;
  if (checker_start(plan, timeout_ms, &health->checker, &why) == 0)
    return;
  struct check_result *result = add_failure(health);
  (void) snprintf(result->output, sizeof result->output, "%s: %s", why.what, strerror(why.errnum));
  conclude(health, result);
}

static void collect_check(struct health *health) {
  static struct check_result result;

  if (!checker_collect(&health->checker, &result)) {
    plan_next(health);
    return;
  }
  result.output[sizeof result.output - 1] = '\0';
  *add_result(health) = result;
  conclude(health, &result);
}

void health_serve(struct health *health, const struct pollfd *polled) {
  if (!health->is_running)
    return;
  if (health->checker.pid > 0 && polled->revents != 0) {
    collect_check(health);
    return;
  }
  if (clock_ms() < health->due_ms)
    return;
  if (health->checker.pid > 0) {
    struct check_result *result = add_failure(health);

    checker_stop(&health->checker);
    checker_say_timeout((uint64_t) setting(health, TIMEOUT), result);
    conclude(health, result);
  } else if (!health->is_paused) {
    begin_check(health);
  }
}

pid_t health_child(const struct health *health) {
  return health->checker.pid;
}

void health_pause(struct health *health, bool is_paused) {
  if (health->operation == NULL || health->is_paused == is_paused)
    return;
  health->is_paused = is_paused;
  if (!is_paused && health->checker.pid == 0)
    plan_next(health);
}

void health_stop(struct health *health) {
  if (health->operation == NULL)
    return;
  checker_stop(&health->checker);
  health->is_running = false;
}
