/* volume.h — named directories that outlive containers: filled from an image, let go of at the end.
 *
 * volumes/<name>/_data   what containers see
 *               users/   an empty file for each container that has it, named by its id
 *               .draft   a copy being made: nobody looks at it
 *               .filled  a copy that is whole, on its way into _data
 */
#pragma once

#include <stdint.h>

#include "failure.h"

struct filling {
  const char *directory; /* volumes/<name> */
  int root;              /* the container's, nothing mounted in it yet */
  const char *target;    /* in the container */
  const char *done;      /* a file that says it was done for this container; "" for none */
  uint64_t flags;        /* the plan's VOLUME_… */
};

/* Copy what the image has at the target into an empty volume, as one step to whoever looks: a copy
 * that was broken off is not seen. One process does it, others wait. Then the volume is whole. */
int volume_fill(const struct filling *filling, struct failure *why);

/* `user` has it no longer. With `trash` it is deleted by way of that path, unless others have it.
 */
int volume_release(const char *directory, const char *user, const char *trash, struct failure *why);
