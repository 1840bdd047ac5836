/* lines.h — what Node tells a process of ours: short lines, each whole from one writer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct lines {
  char text[256]; /* what has come of a line whose end has not */
  size_t used;
};

/* Read once, and have each line that is whole now obeyed. A line that does not fit is none of ours,
 * and left out. False at the end. */
bool lines_read(struct lines *lines, int fd, void (*obey)(void *whose, const char *line),
                void *whose);
