/* tar_pending.h — directories that come into a tar only if something does that is in them. */
#pragma once

#include <stddef.h>

#include "failure.h"
#include "tar_write.h"

struct tar_pending {
  struct tar_entry **entries; /* each in the one before */
  size_t count, room;
};

/* It waits, in those that wait already and that it is in. The entry is copied. */
int tar_pending_add(struct tar_pending *pending, const struct tar_entry *entry,
                    struct failure *why);

/* Something of that name comes: those it is in are written, all others will never be. How many were
 * written. */
int tar_pending_write(struct tar_pending *pending, const char *name, struct tar_writer *tar,
                      struct failure *why);

void tar_pending_end(struct tar_pending *pending);
