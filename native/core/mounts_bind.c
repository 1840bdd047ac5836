/* Binds: copies of mounts of the host, with what is asked of them before they are seen. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <unistd.h>

#include "cleanup.h"
#include "mounts.h"
#include "plan.h"
#include "syscalls.h"

/* What the mount and all below it get; BIND_READONLY_TOP is for the mount alone. */
static unsigned bind_attributes(uint64_t flags) {
  unsigned attributes = 0;

  if ((flags & BIND_READONLY) && !(flags & BIND_READONLY_TOP))
    attributes |= ATTRIBUTE_READONLY;
  if (flags & BIND_NOSUID)
    attributes |= ATTRIBUTE_NOSUID;
  if (flags & BIND_NODEV)
    attributes |= ATTRIBUTE_NODEV;
  if (flags & BIND_NOEXEC)
    attributes |= ATTRIBUTE_NOEXEC;
  return attributes;
}

static uint64_t bind_propagation(uint64_t flags) {
  if (flags & BIND_SLAVE)
    return MS_SLAVE;
  if (flags & BIND_SHARED)
    return MS_SHARED;
  return flags & BIND_UNBINDABLE ? MS_UNBINDABLE : MS_PRIVATE;
}

/* Of a tree that is nowhere yet. Attributes are only ever added: what the host's mount forbids is
 * locked in a user namespace, and stays. */
static int set_bind(int tree, uint64_t flags) {
  const unsigned below = flags & BIND_RECURSIVE ? TREE_RECURSIVE : 0;
  const uint64_t propagation = bind_propagation(flags);
  const struct mount_attributes all = {
      .set = bind_attributes(flags),
      .propagation = flags & BIND_PROPAGATION_TOP ? 0 : propagation,
  };
  const struct mount_attributes top = {
      .set = flags & BIND_READONLY_TOP ? ATTRIBUTE_READONLY : 0,
      .propagation = flags & BIND_PROPAGATION_TOP ? propagation : 0,
  };

  if (sys_mount_setattr(tree, below, &all) < 0)
    return -errno;
  if ((top.set != 0 || top.propagation != 0) && sys_mount_setattr(tree, 0, &top) < 0)
    return -errno;
  return 0;
}

/* The kernel takes this from whoever is root over the file system itself (mount_setattr(2)). */
static int map_ids(int tree, uint64_t flags, int userns, struct failure *why) {
  const unsigned below = flags & BIND_IDMAP_BELOW ? TREE_RECURSIVE : 0;
  const struct mount_attributes change = {
      .set = ATTRIBUTE_IDMAP,
      .userns = (uint64_t) (unsigned) userns,
  };

  if (sys_mount_setattr(tree, below, &change) < 0)
    return fail(why, errno, "map the ids of the mount");
  return 0;
}

static int map_to_own(int tree, uint64_t flags, struct failure *why) {
  autoclose int own = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);

  if (own < 0)
    return fail(why, errno, "open /proc/self/ns/user");
  return map_ids(tree, flags, own, why);
}

int mounts_bind_tree(int root, int tree, const struct bind_request *request, struct failure *why) {
  int r;

  r = set_bind(tree, request->flags);
  if (r == 0)
    r = mounts_grant(tree, &request->wishes);
  if (r < 0)
    return fail(why, -r, "set the options of the mount on %s", request->target);
  r = request->flags & BIND_IDMAP ? map_to_own(tree, request->flags, why) : 0;
  if (r < 0)
    return r;
  return mounts_attach(root, tree, request->target, why);
}

/* What lies in the source may be the container's root itself (the data root is in most homes), with
 * all that is mounted in it by now and not yet masked: a copy of the source leaves it out. */
static int open_source(int root, const char *source, bool is_recursive) {
  const struct mount_attributes hidden = {.propagation = MS_UNBINDABLE};
  const struct mount_attributes shown = {.propagation = MS_PRIVATE};

  if (!is_recursive)
    return sys_open_tree(AT_FDCWD, source, TREE_CLONE | TREE_CLOEXEC);
  if (sys_mount_setattr(root, 0, &hidden) < 0)
    return -1;
  const int tree =
      sys_open_tree(AT_FDCWD, source, TREE_CLONE | TREE_CLOEXEC | (unsigned) TREE_RECURSIVE);
  const int saved = errno;
  if (sys_mount_setattr(root, 0, &shown) < 0) {
    if (tree >= 0)
      (void) close(tree);
    return -1;
  }
  errno = saved;
  return tree;
}

int mounts_bind(int root, const struct bind_request *request, struct failure *why) {
  const bool is_recursive = request->flags & BIND_RECURSIVE;
  autoclose int tree = open_source(root, request->source, is_recursive);

  if (tree < 0 && errno == ENOENT && (request->flags & BIND_OPTIONAL))
    return 0;
  if (tree < 0)
    return fail(why, errno, "bind %s on %s%s", request->source, request->target,
                is_recursive ? "" : ", without what is mounted below it");
  const int r = mounts_bind_tree(root, tree, request, why);
  return r < 0 ? fail_while(why, "bind %s", request->source) : 0;
}

int mounts_map(const struct bind_request *request, int userns, int *ret_tree, struct failure *why) {
  const unsigned below = request->flags & BIND_RECURSIVE ? TREE_RECURSIVE : 0;
  autoclose int tree = sys_open_tree(AT_FDCWD, request->source, TREE_CLONE | TREE_CLOEXEC | below);

  if (tree < 0)
    return fail(why, errno, "bind %s on %s", request->source, request->target);
  const int r = map_ids(tree, request->flags, userns, why);
  if (r < 0)
    return fail_while(why, "bind %s on %s", request->source, request->target);
  *ret_tree = steal_fd(&tree);
  return 0;
}

int mounts_bind_beneath(int root, const struct beneath *source, const struct bind_request *request,
                        struct failure *why) {
  struct bind_request whole = *request;
  const struct open_how how = {
      .flags = O_PATH | O_CLOEXEC,
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
  };
  autoclose int base = open(source->base, O_PATH | O_DIRECTORY | O_CLOEXEC);
  autoclose int found = -1;
  autoclose int tree = -1;

  if (base < 0)
    return fail(why, errno, "open %s", source->base);
  do /* EAGAIN: a rename raced with the walk (openat2(2)) */
    found = sys_openat2(base, source->path, &how);
  while (found < 0 && (errno == EAGAIN || errno == EINTR));
  if (found < 0)
    return fail(why, errno, "open %s in the volume for %s", source->path, request->target);
  tree = sys_open_tree(found, "", TREE_CLONE | TREE_CLOEXEC | TREE_EMPTY_PATH | TREE_RECURSIVE);
  if (tree < 0)
    return fail(why, errno, "bind %s of the volume on %s", source->path, request->target);
  whole.flags |= BIND_RECURSIVE;
  return mounts_bind_tree(root, tree, &whole, why);
}
