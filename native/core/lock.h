/* lock.h — locks between processes: flock(2) on files of the data root.
 *
 * A lock belongs to the open file, so it goes with the last descriptor of it, whatever its
 * holders die of. Nothing here waits.
 */
#pragma once

#include <stdbool.h>

#include "failure.h"

struct lock_request {
  bool exclusive;
  bool create; /* 0600 when missing; without, that is -ENOENT */
};

/* Open `path` and lock it. -EAGAIN: somebody else holds it. */
int lock_try(const char *path, struct lock_request request, int *ret_fd, struct failure *why);

/* Make `directory`/`name` with `text` in it, locked exclusively before anybody can see it.
 * -EEXIST: there is one already, which stays as it is. */
int lock_create(const char *directory, const char *name, const char *text, int *ret_fd,
                struct failure *why);
