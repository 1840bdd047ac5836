/* failure.h — how every function in native/ says what went wrong.
 *
 * A function that can fail returns an int: 0 or more on success, -errno on
 * failure, and takes `struct failure *why` as its last parameter. On failure it
 * fills `why`; on success it leaves it alone. Nothing here allocates, logs or
 * exits, so a failure can be built after clone() and copied through a socket.
 */
#pragma once

struct failure {
  int errnum;     /* a positive errno; 0 means nothing failed */
  char step[28];  /* of a start: "overlay", "exec"; empty outside of one */
  char what[480]; /* "mount proc on /proc": no errno text, no full stop */
};

/* Record a failure and return -errnum, so that callers can `return fail(…)`. */
int fail(struct failure *why, int errnum, const char *format, ...)
    __attribute__((format(printf, 3, 4), cold));

/* Put the caller's words in front of a callee's: "start web: mount proc on /proc". */
int fail_while(struct failure *why, const char *format, ...)
    __attribute__((format(printf, 2, 3), cold));

/* Name the step that failed, unless a deeper one has done so; returns -errnum. */
int fail_in_step(struct failure *why, const char *step) __attribute__((cold));
