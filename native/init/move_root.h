/* move_root.h — a new root without pivot_root(2), for who lives in an initramfs, which cannot be
 * left.
 */
#pragma once

#include "../core/failure.h"

/* `root` is a mount of its own, open with O_PATH: it is moved onto / and entered. The old tree
 * stays below it and out of reach, without what the kernel would take for a /proc that everybody
 * sees. */
int move_root(int root, struct failure *why);
