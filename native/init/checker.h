/* checker.h — one health check: a child of the keeper that runs a command in the container, reads
 * what it writes, and tells how it ended. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../core/clock.h"
#include "../core/failure.h"

#define CHECK_MAX_OUTPUT 4096 /* as much as Docker keeps */

/* Of a command that did not end by itself, or did not begin. */
#define CHECK_NO_EXIT_CODE (-1)

struct check_result {
  char start[CLOCK_TEXT], end[CLOCK_TEXT]; /* RFC 3339 */
  int exit_code;
  size_t size;
  char output[CHECK_MAX_OUTPUT + 4]; /* with "..." where there was more */
};

struct checker {
  pid_t pid;  /* 0: none */
  int socket; /* from it; -1 */
};

#define CHECKER_NONE ((struct checker){.socket = -1})

/* `plan` is the path of what `exec` carries out. */
int checker_start(const char *plan, uint64_t timeout_ms, struct checker *ret_checker,
                  struct failure *why);

/* Its socket is readable. It is gone afterwards. False when there is no result: it was killed, or
 * the container has ended meanwhile. */
bool checker_collect(struct checker *checker, struct check_result *ret_result);

/* What is said of one that took too long. */
void checker_say_timeout(uint64_t timeout_ms, struct check_result *ret_result);

/* With the command that it runs. */
void checker_stop(struct checker *checker);
