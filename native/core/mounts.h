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

struct mount_request {
  const char *type;
  const char *source;
  const char *target;
  unsigned attributes;  /* MOUNT_ATTR_… */
  char *const *options; /* "key=value" or "key", NULL at the end */
};

/* A new file system on a directory of the container; made when missing. */
int mounts_new(int root, const struct mount_request *request, struct failure *why);

/* A file or directory of the host on a path of the container; flags are the plan's BIND_…. */
int mounts_bind(int root, const char *source, const char *target, uint64_t flags,
                struct failure *why);

/* A mount that is nowhere yet, on a path of the container. */
int mounts_attach(int root, int mount, const char *target, struct failure *why);

/* The file that `fd` is open on, on the file that `place` is (O_PATH); `target` is for words. */
int mounts_bind_open(int fd, int place, const char *target, struct failure *why);

/* The same of what `path` is below the directory `base`, wherever its links lead: others write
 * there, so one that leads out is EXDEV. */
int mounts_bind_beneath(int root, const struct beneath *source, const char *target, uint64_t flags,
                        struct failure *why);

/* Hide a path: /dev/null over a file, an empty read-only tmpfs over a directory. All directories
 * share one, which `empty` holds: -1 before the first, then a descriptor the caller closes. */
int mounts_mask(int root, const char *path, int *empty, struct failure *why);

/* Make a path and all below it read-only. */
int mounts_readonly(int root, const char *path, struct failure *why);

/* Set attributes of the mount that `fd` is the root of. */
int mounts_set_attributes(int fd, unsigned attributes, struct failure *why);
