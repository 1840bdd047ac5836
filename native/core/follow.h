/* follow.h — a file that somebody else is still writing, read to the end it is promised to have.
 *
 * Whoever writes it tells of it over a pipe: a byte means that there is more, the end of the pipe
 * that no more comes. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "failure.h"

struct follow {
  int news;      /* the pipe; the caller's */
  uint64_t size; /* of the whole file */
  uint64_t read; /* so far: 0 to begin with */
};

/* As read(2) of `fd`, but waits where the file ends before its size: 0 at that size, however much
 * more there is, and EPIPE when no more comes. */
ssize_t follow_read(struct follow *follow, int fd, void *to, size_t room, struct failure *why);
