/* tar_contents.h — the contents of an entry of a tar into a file. */
#pragma once

#include <stdint.h>

#include "failure.h"
#include "tar.h"

/* All `size` bytes of the entry that `tar` is at, into a new and empty file. Zeros that take no
 * room where they come from take none there. */
int tar_contents_write(struct tar *tar, int64_t size, int fd, struct failure *why);
