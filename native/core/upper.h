/* upper.h — what a container wrote: a writable layer, read in the order of its tree.
 *
 *   struct upper *upper = NULL;
 *   const struct upper_entry *entry = NULL;
 *   upper_open(&places, &upper, why);
 *   while ((r = upper_next(upper, &entry, why)) > 0)
 *     …
 *   upper_close(upper);
 *
 * The root comes first, a directory before what is in it, names in the order of their bytes: the
 * same content gives the same entries. Whiteouts and opaque directories are told in one form,
 * whichever file system made them, and only where they hide something. What the container does
 * meanwhile does no harm: what goes away in the middle is left out, no link is followed, and
 * nothing outside of the layer is read. It must be root of the user namespace that the layer's
 * ids are of. At most UPPER_LOWERS_MAX descriptors twice, and 40 more, are open at a time.
 *
 * Directories that marmita made on the way to a mount point, with nothing else in them, are left
 * out as the mount points are. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "failure.h"

#define UPPER_LOWERS_MAX 512

/* Who wrote it. Each has other ways to say that something is gone. */
enum upper_form {
  UPPER_KERNEL, /* overlayfs with "userxattr": device 0:0, user.overlay.opaque */
  UPPER_FUSE,   /* fuse-overlayfs: these, or .wh.NAME, .wh..wh..opq, user.fuseoverlayfs.opaque */
};

enum upper_kind {
  UPPER_ENTRY,
  UPPER_WHITEOUT, /* what is below by this name is gone */
  UPPER_OPAQUE,   /* after its directory's entry: nothing of what is below shows in it */
};

struct upper_places {
  const char *upper;
  char *const *lowers; /* the directories of the layers below, nearest first, ended by NULL */
  /* Mount points as paths in the container, "/etc/hosts", ended by NULL. Links are followed. */
  char *const *skip;
  /* Directories in it, "/home", that were gone before they were made: nothing of what is below
   * shows in them. Ended by NULL; NULL for none. They stay the caller's. */
  char *const *anew;
  enum upper_form form;
  /* Instead of UPPER_OPAQUE, a UPPER_WHITEOUT for each name that is gone; what is there again
   * counts as replaced. */
  bool spells_out;
};

/* Valid until the next call. */
struct upper_entry {
  enum upper_kind kind;
  const char *path; /* "etc/passwd"; "" is the root */
  int parent;       /* the open directory it is in, for openat(parent, name, … O_NOFOLLOW) */
  const char *name; /* in there; "." of the root */
  struct stat st;   /* of a UPPER_ENTRY */
  const char *link; /* the path of an entry told before that is the same file; NULL: none */
  bool is_below;    /* the layers below show something by this name */
  struct stat below;
  size_t lower; /* of which of them that is */
};

struct upper;

int upper_open(const struct upper_places *places, struct upper **ret_upper, struct failure *why);

/* 1 and an entry, 0 at the end. ENAMETOOLONG for a path of PATH_MAX bytes or more. */
int upper_next(struct upper *upper, const struct upper_entry **ret_entry, struct failure *why);

/* Open what is below the last entry, in the lower layer that shows it: flags beside
 * O_NOFOLLOW|O_CLOEXEC. A descriptor or -errno. */
int upper_open_below(struct upper *upper, int flags);

/* 1: the last entry, which has something below, differs from that in type, owner, mode, device,
 * time, size, target, extended attributes or contents; of a directory, only its own attributes
 * count, and not its time. 0: it does not: it was only copied up. */
int upper_differs(struct upper *upper, struct failure *why);

void upper_close(struct upper *upper);
