/* capabilities.h — the five sets of a thread (capabilities(7)), as 64-bit masks. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "failure.h"

struct capabilities {
  uint64_t bounding;
  uint64_t effective;
  uint64_t permitted;
  uint64_t inheritable;
  uint64_t ambient;
};

/* Drop what is not in `bounding` from the bounding set; needs CAP_SETPCAP. */
int capabilities_bound(uint64_t bounding, struct failure *why);

/* Set the other four: the ambient set last, as its members must be in the two before. What the
 * thread does not have is not asked for (a smaller outer container). */
int capabilities_set(const struct capabilities *wanted, struct failure *why);

/* Make one that is permitted effective too. EPERM when it is not permitted. */
int capabilities_raise(int number, struct failure *why);
