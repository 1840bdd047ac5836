/* mounts.h — the mount operations of a plan, one by one, inside a root.
 *
 * All go through the mount API of descriptors (fsopen, open_tree, move_mount): no path of the
 * container is ever looked up by name twice, and a mount has its attributes before it appears.
 */
#pragma once

#include <stdint.h>

#include "failure.h"

struct beneath {
  const char *base;
  const char *path;
};

/* What is asked of a mount beside what its operation says. Bits that are cleared are cleared before
 * others are set: of those about access times all are, or none (mount_setattr(2)). */
struct mount_wishes {
  uint64_t set; /* MOUNT_ATTR_…, of the mount itself */
  uint64_t clear;
  uint64_t set_below; /* of it and all that is mounted below it */
  uint64_t clear_below;
  uint64_t propagation; /* MS_…, 0 for private */
  uint64_t superblock;  /* MS_… of a file system that is new */
};

struct mount_request {
  const char *type;
  const char *source;
  const char *target;
  unsigned attributes;  /* MOUNT_ATTR_… */
  char *const *options; /* "key=value" or "key", NULL at the end */
  struct mount_wishes wishes;
};

struct bind_request {
  const char *source;
  const char *target;
  uint64_t flags; /* the plan's BIND_… */
  struct mount_wishes wishes;
};

/* A new file system on a directory of the container; made when missing. */
int mounts_new(int root, const struct mount_request *request, struct failure *why);

/* A tmpfs that begins with what is in the directory it is mounted on: `type` and `source` are of no
 * account. That has the directory's owner and mode, but for what the options say. */
int mounts_copied(int root, const struct mount_request *request, struct failure *why);

/* Attributes and options of what is mounted already at `target`: without options, of the mount
 * alone, not of its file system. */
int mounts_again(int root, const struct mount_request *request, struct failure *why);

/* A file or directory of the host on a path of the container. */
int mounts_bind(int root, const struct bind_request *request, struct failure *why);

/* The same where somebody else has made the copy of the source, which is nowhere yet. */
int mounts_bind_tree(int root, int tree, const struct bind_request *request, struct failure *why);

/* A copy of what is to be bound, its ids mapped as in the user namespace that `userns` is of. */
int mounts_map(const struct bind_request *request, int userns, int *ret_tree, struct failure *why);

/* A mount that is nowhere yet, on a path of the container. */
int mounts_attach(int root, int mount, const char *target, struct failure *why);

/* The file that `fd` is open on, on the file that `place` is (O_PATH); `target` is for words. */
int mounts_bind_open(int fd, int place, const char *target, struct failure *why);

/* The same of what `path` is below the directory `base`, wherever its links lead: others write
 * there, so one that leads out is EXDEV. */
int mounts_bind_beneath(int root, const struct beneath *source, const struct bind_request *request,
                        struct failure *why);

/* Hide a path: /dev/null over a file, an empty read-only tmpfs over a directory. All directories
 * share one, which `empty` holds: -1 before the first, then a descriptor the caller closes. */
int mounts_mask(int root, const char *path, int *empty, struct failure *why);

/* Make a path and all below it read-only. */
int mounts_readonly(int root, const char *path, struct failure *why);

/* Set attributes of the mount that `fd` is the root of. */
int mounts_set_attributes(int fd, unsigned attributes, struct failure *why);

/* The same as wished; -errno. */
int mounts_grant(int fd, const struct mount_wishes *wishes);

/* The mount that `path` lies on stops to be shared with its copies. */
int mounts_make_alone(const char *path, struct failure *why);
