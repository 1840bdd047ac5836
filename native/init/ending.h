/* ending.h — what is left of a container that has ended: exit.json, or nothing. */
#pragma once

#include "keeper.h"

struct ending {
  int exit_code;
  int signal;        /* 0 unless one ended it */
  const char *error; /* why the start failed, or NULL */
};

/* Write how it ended, or remove it; then live/<id> goes, and Node is told `exited`. What could not
 * be written there is in live/<id>, for the next sweep. */
int ending_put_away(const struct keeper *keeper, const struct ending *ending, struct failure *why);
