/* copy_parts.h — what the files of copy.h share. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "copy.h"

/* The first `size` bytes of a regular file, holes as holes. */
int copy_bytes(int from, int to, off_t size, struct failure *why);

/* copy_attributes(), with those that an overlay reads as orders where it `is_layer`. */
int copy_attributes_of(int from, int to, bool is_layer, struct failure *why);
