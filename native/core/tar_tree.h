/* tar_tree.h — a file, or a directory with all that is in it, into a tar.
 *
 * Every entry is told as tar_file.h has it: a directory before what is in it, its names in the
 * order of their bytes, a second name of a file as a hard link. No link is followed; mounts are
 * entered. What goes away meanwhile is left out. One directory is open at a time. */
#pragma once

#include <stdint.h>

#include "failure.h"
#include "tar_write.h"

struct tar_tree {
  int parent;       /* an open directory */
  const char *name; /* in there; "." for the directory itself */
  const char *as;   /* its name in the tar; "" for a directory: "./" */
};

struct tar_tree_summary {
  int64_t entries;
};

/* ENOENT when there is no such file. */
int tar_tree_write(const struct tar_tree *tree, struct tar_writer *tar,
                   struct tar_tree_summary *ret_summary, struct failure *why);
