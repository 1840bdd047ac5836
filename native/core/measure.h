/* measure.h — how much lies in a directory tree, as `docker system df` counts it: the sizes of
 * everything but directories, what has several names once.
 *
 * `name`, relative to `dirfd`, may be a file, a link or a directory; absent is empty. No link is
 * followed and no mount entered. A container may be changing the tree meanwhile: what comes and
 * goes counts or does not. What cannot be read, or lies deeper than a few hundred directories,
 * is left out. */
#pragma once

#include <stdbool.h>

#include "failure.h"

struct tree_size {
  unsigned long long bytes;
  unsigned long long entries; /* without the topmost directory */
  bool is_partial;            /* something was left out */
};

int measure_tree(int dirfd, const char *name, struct tree_size *ret_size, struct failure *why);
