/* merged.h — what a container sees of its layers: a writable one over those below, as one tree.
 *
 * No overlay is mounted, so it is the same whichever file system served the container, and whether
 * it runs. The root comes first; then what is in it, in the order of the names' bytes; then what is
 * in the first of its directories, and so on: a directory comes before what is in it. Whiteouts and
 * what they hide are not told, nor mount points that were made for the container (upper.h, `skip`).
 * No link is followed, and what vanishes meanwhile is left out. The directories of all layers that
 * have part in one directory are open at a time, and those of all layers. */
#pragma once

#include "upper.h"

/* Valid until the next call. */
struct merged_entry {
  const char *path; /* "etc/passwd"; "" is the root */
  int parent;       /* for openat(parent, name, … O_NOFOLLOW) */
  const char *name; /* "." of the root */
  struct stat st;
  const char *link; /* the path of an entry told before that is the same file; NULL: none */
  bool is_lower;    /* it is in the lower layer of this number; else in the writable one */
  size_t lower;     /* …or what is below it is, if anything */
  bool is_below;
  int below_parent; /* as `parent` */
  struct stat below;
};

struct merged;

/* `spells_out` is of no meaning here. */
int merged_open(const struct upper_places *places, struct merged **ret_merged, struct failure *why);

/* 1 and an entry, 0 at the end. */
int merged_next(struct merged *merged, const struct merged_entry **ret_entry, struct failure *why);

void merged_close(struct merged *merged);
