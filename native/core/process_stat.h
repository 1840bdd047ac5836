/* process_stat.h — what /proc/PID/stat says of a process, or /proc/PID/task/TID/stat of a thread.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct process_stat {
  char state; /* as proc(5) has them: R, S, D, T, t, Z, X, I */
  pid_t parent;
  long threads;
  long long start; /* since the boot, in clock ticks */
};

/* False for a text that is none. The name in it may hold anything, spaces and brackets too. */
bool process_stat_parse(const char *text, struct process_stat *ret_stat);

/* Of the directory `name` in `directory`, which is /proc or a task directory of it. False when
 * there is no such process any more. */
bool process_stat_read(int directory, const char *name, struct process_stat *ret_stat);
