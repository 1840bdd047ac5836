/* tree.h — delete a directory tree, whatever a container left in it.
 *
 * `name`, relative to `dirfd`, may be a file, a link or a directory; absent is fine. No link
 * is ever followed and no mount entered: a mount point inside is EBUSY. Directories that may
 * not be read or written are made so, where this process is their owner or capable. Any
 * depth is deleted in bounded memory and descriptors. Others may delete at the same time; while
 * somebody keeps adding files it goes on. The first failure ends it, and leaves the rest of
 * the tree for another try. */
#pragma once

#include "failure.h"

int tree_remove(int dirfd, const char *name, struct failure *why);
