/* raw.h — a terminal of this machine, while the terminal of a container is shown on it.
 *
 * It then carries bytes and does nothing of its own with them: the container's terminal echoes,
 * edits lines and turns ^C into a signal. What was before is kept, to be put back. */
#pragma once

#include <stdbool.h>
#include <termios.h>

#include "failure.h"

struct raw_terminal {
  struct termios before;
  /* Keys come one by one and are not shown, but ^C is a signal still, and what is printed is
   * changed as before. To be set after raw_save(). */
  bool is_for_keys;
};

/* What it is now, to be made wholly raw. ENOTTY for what is no terminal. */
int raw_save(int fd, struct raw_terminal *ret_terminal, struct failure *why);

int raw_enter(int fd, const struct raw_terminal *terminal, struct failure *why);

/* Put back what was, unless somebody has set something else meanwhile: a shell that has taken its
 * terminal back is not disturbed. */
void raw_leave(int fd, const struct raw_terminal *terminal);
