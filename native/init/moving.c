#include "moving.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "../core/syscalls.h"

int moving_add(struct moving *moving, int fd) {
  if (moving->count == MOVING_MOST)
    _exit(EXIT_FAILURE);
  moving->sources[moving->count++] = fd;
  return MOVING_FIRST + moving->count - 1;
}

void moving_add_preserved(struct moving *moving, int first, int count) {
  for (int i = 0; i < count; i++)
    (void) moving_add(moving, first + i);
  moving->preserved_count = count;
}

/* By way of copies above all targets, so that none overwrites what is yet to be moved. */
void moving_carry_out(struct moving *moving) {
  const int end = MOVING_FIRST + moving->count;

  for (int i = 0; i < moving->count; i++)
    moving->sources[i] = fcntl(moving->sources[i], F_DUPFD_CLOEXEC, end);
  for (int i = 0; i < moving->count; i++) {
    const int flags = i < moving->preserved_count ? 0 : O_CLOEXEC;

    if (dup3(moving->sources[i], MOVING_FIRST + i, flags) < 0)
      _exit(EXIT_FAILURE); /* EMFILE: what is there now is not the conversation */
  }
  (void) sys_close_range((unsigned) end, ~0U, 0);
}
