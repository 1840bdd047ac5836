/* outside.h — what the last steps of a command take of the host, opened while that is in reach.
 *
 * Its /proc: nothing of the container can lie there in the place of a file that says what a process
 * is to the machine's security modules (CVE-2019-16884), and it knows the process by the number
 * that the host does. And whoever answers the system calls that a filter leaves to somebody.
 */
#pragma once

#include "../core/failure.h"
#include "../core/plan.h"

#define OUTSIDE_MAX_LABELS 2

struct outside {
  int proc;   /* O_PATH, or -1 */
  int socket; /* connected, or -1 */
  int label_count;
  struct {
    const char *file; /* below /proc/self/attr */
    const char *text;
  } labels[OUTSIDE_MAX_LABELS];
  const char *state[2]; /* JSON, each up to and with `"pid":`; the second may be "" */
};

#define OUTSIDE_NONE                                                                               \
  { .proc = -1, .socket = -1 }

/* For the operations `label` and `seccomp-listener` of a plan. */
int outside_note_label(struct outside *outside, const union argument *arguments,
                       struct failure *why);
int outside_note_listener(struct outside *outside, const union argument *arguments,
                          struct failure *why);
/* For all of them. */
int outside_open(struct outside *outside, const struct plan *plan, struct failure *why);

/* What the next execve() makes of the process. */
int outside_apply_labels(const struct outside *outside, struct failure *why);

/* Our own number there, or 0. */
int outside_number(const struct outside *outside);
