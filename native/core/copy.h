/* copy.h — what is in a directory, copied: owners, modes, times, attributes and hard links too.
 *
 * Paths of any depth, in one pair of descriptors: the way back up is `..`, and where that leads
 * elsewhere, since somebody moved the directory meanwhile, the copy ends with ESTALE. No link is
 * followed. Blocks are shared where the file system can. Device nodes are left out. Owners
 * without an id in this user namespace, and attributes that the target does not take, are too; a
 * file then loses its set-user-ID bits.
 */
#pragma once

#include "failure.h"

/* Into `to`, which is empty; `links` is another empty directory on its file system, which
 * the caller deletes with what is in it then. The directory itself gets its attributes as well. */
int copy_tree(int from, int to, int links, struct failure *why);

/* The same of what an overlay wrote: with its whiteouts, and the attributes it reads as orders. */
int copy_layer(int from, int to, int links, struct failure *why);

/* Owner, mode, extended attributes and times of one open file or directory. */
int copy_attributes(int from, int to, struct failure *why);
