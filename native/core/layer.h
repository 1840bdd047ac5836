/* layer.h — a layer's tar becomes a directory, in the form an overlay file system reads.
 *
 * layer_open() makes the target the root of this process, so that no name, link or race in
 * a hostile tar leads out of it; only the lower layers' directories stay in reach, for
 * reading. It must be root of its (user) namespace. Then every entry goes to layer_add(),
 * in the order of the tar, and layer_finish() does what has to come last. The first failure
 * ends it: the target is then the caller's to delete.
 *
 *   Whiteouts       ".wh.x" becomes a character device 0:0, ".wh..wh..opq" the attribute
 *                   user.overlay.opaque (overlayfs with "userxattr"). They speak of the layers
 *                   below only, wherever in the tar they stand.
 *   Names           made relative and cleaned as text; one that leads above the root is EBADMSG.
 *                   Links on the way to a name are followed, inside of the target, as Docker does;
 *                   a parent that is a file or a dangling link is an error.
 *   Missing parents are made; they look like the directory of that name in the nearest
 *                   lower layer, else like 0755 root.
 *   Again           a later entry replaces an earlier one; directories are merged.
 *   Hard links      to later entries and to files of lower layers (then copied) work.
 *   Devices         are left out and counted.
 *   Owners          that the namespace does not map are counted, and left to root without
 *                   their set-id bits. Who should own what goes to the file `owners`, as
 *                   "<uid>:<gid>:<mode in octal>:<path>\0"; of two for one path the later counts.
 *   Attributes      that are overlay's own are left out, so are those the kernel refuses to
 *                   this user or file system; both are counted. */
#pragma once

#include <stdint.h>

#include "failure.h"
#include "tar.h"

struct layer;

struct layer_summary {
  uint64_t entries;
  uint64_t devices;  /* left out */
  uint64_t unmapped; /* entries whose owner could not be given */
  uint64_t xattrs;   /* left out */
};

struct layer_places {
  const char *target;  /* an empty directory */
  const char *owners;  /* a new file, empty when all owners could be given; NULL: none */
  char *const *lowers; /* the directories of the layers below, nearest first, ended by NULL */
  /* Called once, before what is in them is looked at for the first time, which may be the very end;
   * NULL: they are whole. */
  int (*wait)(struct failure *why);
};

int layer_open(const struct layer_places *places, struct layer **ret_layer, struct failure *why);

/* `tar` gives the entry's contents. */
int layer_add(struct layer *layer, const struct tar_entry *entry, struct tar *tar,
              struct failure *why);

int layer_finish(struct layer *layer, struct layer_summary *ret_summary, struct failure *why);

void layer_close(struct layer *layer);
