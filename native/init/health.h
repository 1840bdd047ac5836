/* health.h — health checks: a command in the container that its keeper runs now and then, as
 * Docker does, and what has come of it.
 *
 *   health_open(&health, …)       once: what the plan says of it
 *   health_begin(&health)         a run has begun: it is `starting`
 *   health_watch(), health_serve()   before and after each poll()
 *   health_stop(&health)          the run has ended: so does a check that is under way
 *
 * A check is a child of ours (checker.h). The results are in the bundle's health.json, for
 * everybody to read:
 *
 *   {"Status":"healthy","FailingStreak":0,"Log":[{"Start":…,"End":…,"ExitCode":0,"Output":…}]}
 *
 * Where the plan has no `health`, nothing happens.
 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../core/plan.h"
#include "checker.h"

#define HEALTH_MAX_LOG 5 /* as many as Docker keeps */

enum health_status { HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };

struct health {
  const struct operation *operation; /* NULL: it has none */
  const char *bundle;
  /* `starting` has become something else, or again. */
  void (*on_change)(void *whose, const char *status);
  void *whose;

  bool is_running;
  bool is_paused; /* then no check begins */
  int64_t began_ms;
  int64_t due_ms; /* the next check */
  enum health_status status;
  unsigned streak; /* of failures that count */
  struct checker checker;
  size_t count;
  struct check_result log[HEALTH_MAX_LOG]; /* the last ones, the oldest first */
};

void health_open(struct health *health, const struct plan *plan);
void health_begin(struct health *health);

/* What to wait for, and for how long at most: milliseconds, or -1 for ever. */
int health_watch(const struct health *health, struct pollfd *polled);
void health_serve(struct health *health, const struct pollfd *polled);

/* The child that checks just now, or 0: none of the container's. */
pid_t health_child(const struct health *health);

void health_pause(struct health *health, bool is_paused);
void health_stop(struct health *health);
