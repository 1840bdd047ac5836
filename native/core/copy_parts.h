/* copy_parts.h — what the files of copy.h share. */
#pragma once

#include <sys/types.h>

#include "copy.h"

/* The first `size` bytes of a regular file, holes as holes. */
int copy_bytes(int from, int to, off_t size, struct failure *why);
