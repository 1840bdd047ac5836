/* untar.h — a tar into directories that are there: files copied into a container, or out of one.
 *
 *   What is there    Directories are merged, and keep their owner, mode and time. All else is
 *                    replaced, in one step, by the name that it has: links are not written through.
 *                    What is mounted on cannot be replaced: a file is then written into. A
 * directory is not replaced by a file, nor a file by a directory (EISDIR, ENOTDIR). Names made
 * relative and cleaned as text; one that leads above the target is EBADMSG. Missing parents are
 * made, 0755. Links            on the way to a name are followed within the root of this process,
 * where that is a container's; elsewhere they are no directories (ENOTDIR, ELOOP). Owners as
 * whoever unpacks it, or those of the tar, where they may be given. Without them nothing is made,
 * outside of containers, that runs as its owner. Devices          are left out and counted.
 * Attributes       that are refused, or would speak to overlays, are left out.
 *
 * The first failure ends it: what is there by then stays, whole. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "failure.h"
#include "tar.h"

struct untar_options {
  int root;           /* where `target` is looked up */
  const char *target; /* a link there is followed */
  bool is_inside;     /* of a container, whose root is the root of this process */
  bool keeps_owners;
  /* The tar is a stream of names, for a directory that is there. Else it is of one file or
   * directory, the first entry, which gets the name of the target when nothing, or a file, is
   * there, and goes into the directory that is there by its own name; "./" has none. */
  bool is_stream;
};

struct untar_summary {
  int64_t entries;
  int64_t devices; /* left out */
  int64_t unowned; /* whose owner could not be given */
};

int untar(struct tar *tar, const struct untar_options *options, struct untar_summary *ret_summary,
          struct failure *why);
