/* raw.h — a terminal of this machine, while the terminal of a container is shown on it.
 *
 * It then carries bytes and does nothing of its own with them: the container's terminal echoes,
 * edits lines and turns ^C into a signal. What was before is kept, to be put back. */
#pragma once

#include <termios.h>

#include "failure.h"

struct raw_terminal {
  struct termios before;
};

/* What it is now. ENOTTY for what is no terminal. */
int raw_save(int fd, struct raw_terminal *ret_terminal, struct failure *why);

int raw_enter(int fd, const struct raw_terminal *terminal, struct failure *why);

/* Put back what was, unless somebody has set something else meanwhile: a shell that has taken its
 * terminal back is not disturbed. */
void raw_leave(int fd, const struct raw_terminal *terminal);
