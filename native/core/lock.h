/* lock.h — locks between processes: flock(2) on files of the data root.
 *
 * A lock belongs to the open file, so it goes with the last descriptor of it, whatever its
 * holders die of. Nothing here waits.
 */
#pragma once

#include <stdbool.h>

#include "failure.h"

/* Open `path`, making it 0600 when missing, and lock it. -EAGAIN: somebody else holds it. */
int lock_try(const char *path, bool exclusive, int *ret_fd, struct failure *why);

/* Make `directory`/`name` with `text` in it, locked exclusively before anybody can see it. */
int lock_create(const char *directory, const char *name, const char *text, int *ret_fd,
                struct failure *why);
