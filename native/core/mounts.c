#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "inside.h"
#include "plan.h"
#include "syscalls.h"

#define PROC_MAGIC 0x9fa0
#define SYSFS_MAGIC 0x62656572
#define ROOT_INODE 1 /* of both */

/* What the file system itself says of a refusal: "e overlay: No changes allowed" (fsopen(2)). */
static const char *last_words(int context, char *text, size_t size) {
  const ssize_t n = read(context, text, size - 1);

  if (n <= 2)
    return "";
  text[n] = '\0';
  text[strcspn(text, "\n")] = '\0';
  return text + 2; /* without the "e " */
}

static int refuse(int context, const struct mount_request *request, const char *what,
                  struct failure *why) {
  const int errnum = errno;
  char text[128];
  const char *words = last_words(context, text, sizeof text);

  return fail(why, errnum, "mount %s on %s%s%s%s%s", request->type, request->target,
              *what == '\0' ? "" : ": ", what, *words == '\0' ? "" : ": ", words);
}

static int set_option(int context, const char *option) {
  char key[64];
  const char *equals = strchr(option, '=');

  if (equals == NULL)
    return sys_fsconfig(context, FS_SET_FLAG, option, NULL);
  if ((size_t) (equals - option) >= sizeof key) {
    errno = EINVAL;
    return -1;
  }
  memcpy(key, option, (size_t) (equals - option));
  key[equals - option] = '\0';
  return sys_fsconfig(context, FS_SET_STRING, key, equals + 1);
}

static int make_filesystem(const struct mount_request *request, int *ret_mount,
                           struct failure *why) {
  autoclose int context = sys_fsopen(request->type);

  if (context < 0)
    return fail(why, errno, "mount %s on %s", request->type, request->target);
  if (sys_fsconfig(context, FS_SET_STRING, "source", request->source) < 0)
    return refuse(context, request, "source", why);
  for (char *const *option = request->options; *option != NULL; option++)
    if (set_option(context, *option) < 0)
      return refuse(context, request, *option, why);
  if (sys_fsconfig(context, FS_CREATE, NULL, NULL) < 0)
    return refuse(context, request, "", why);

  const int mount = sys_fsmount(context, request->attributes);
  if (mount < 0)
    return refuse(context, request, "", why);
  *ret_mount = mount;
  return 0;
}

static bool is_kernel_file(int fd) {
  struct statfs filesystem;

  return fstatfs(fd, &filesystem) == 0 &&
         (filesystem.f_type == PROC_MAGIC || filesystem.f_type == SYSFS_MAGIC);
}

static bool is_root(int fd) {
  struct stat status;

  return fstat(fd, &status) == 0 && status.st_ino == ROOT_INODE;
}

/* A /proc that is covered as a whole is out of reach of masks, but the kernel takes it for one
 * that everybody sees: a user namespace inside may then mount another, without any mask. And a link
 * of the image must not have a mount cover one of its files, a limit that is yet to be written. */
static int attach(int root, int mount, int place, const char *target, struct failure *why) {
  if (is_kernel_file(place) && (is_root(place) || !inside_is_at(root, target, place)))
    return fail(why, EBUSY, "mount on %s: it would cover the kernel's files", target);
  if (sys_move_mount(mount, place) < 0)
    return fail(why, errno, "mount on %s", target);
  return 0;
}

/* For the same reason these two go where they belong and nowhere else (CVE-2019-19921). */
static bool is_of_kernel(const char *type) {
  return strcmp(type, "proc") == 0 || strcmp(type, "sysfs") == 0;
}

int mounts_new(int root, const struct mount_request *request, struct failure *why) {
  autoclose int target = -1;
  autoclose int mount = -1;
  int r;

  r = inside_make_directory(root, request->target, 0755, &target, why);
  if (r < 0)
    return r;
  if (is_of_kernel(request->type) && !inside_is_at(root, request->target, target))
    return fail(why, ENOTDIR, "mount %s on %s: a symbolic link", request->type, request->target);
  r = make_filesystem(request, &mount, why);
  return r < 0 ? r : attach(root, mount, target, request->target, why);
}

int mounts_set_attributes(int fd, unsigned attributes, struct failure *why) {
  const struct mount_attributes change = {.set = attributes};

  if (sys_mount_setattr(fd, 0, &change) < 0)
    return fail(why, errno, "set mount attributes %#x", attributes);
  return 0;
}

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

/* A copy of the mount at `path`, with what is mounted below it where that is asked for; what the
 * host mounts there later does not appear in it (Docker's rprivate). */
static int clone_tree(int dirfd, const char *path, unsigned flags, unsigned attributes,
                      int *ret_tree) {
  autoclose int tree = sys_open_tree(dirfd, path, TREE_CLONE | TREE_CLOEXEC | flags);
  const struct mount_attributes change = {.set = attributes, .propagation = MS_PRIVATE};

  if (tree < 0)
    return -errno;
  if (sys_mount_setattr(tree, flags & TREE_RECURSIVE, &change) < 0)
    return -errno;
  *ret_tree = steal_fd(&tree);
  return 0;
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
static int map_ids(int tree, struct failure *why) {
  autoclose int own = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
  const struct mount_attributes change = {
      .set = ATTRIBUTE_IDMAP,
      .userns = (uint64_t) (unsigned) own,
  };

  if (own < 0)
    return fail(why, errno, "open /proc/self/ns/user");
  if (sys_mount_setattr(tree, 0, &change) < 0)
    return fail(why, errno, "map the ids of the mount");
  return 0;
}

/* A file goes on a file and a directory on a directory; what is missing is made to fit. */
static int open_place(int root, bool is_directory, const char *target, int *ret_place,
                      struct failure *why) {
  const int r = is_directory ? inside_make_directory(root, target, 0755, ret_place, why)
                             : inside_make_file(root, target, 0755, ret_place, why);

  if (r == -EISDIR && !is_directory)
    return fail(why, EISDIR, "mount a file on %s, which is a directory", target);
  if (r == -ENOTDIR && is_directory)
    return fail(why, ENOTDIR, "mount a directory on %s, where a file is in the way", target);
  return r;
}

int mounts_attach(int root, int mount, const char *target, struct failure *why) {
  autoclose int place = -1;
  const int r = open_place(root, inside_is_directory(mount), target, &place, why);

  return r < 0 ? r : attach(root, mount, place, target, why);
}

static int attach_bind(int root, int tree, const char *target, uint64_t flags,
                       struct failure *why) {
  int r;

  r = set_bind(tree, flags);
  if (r < 0)
    return fail(why, -r, "set the options of the mount on %s", target);
  r = flags & BIND_IDMAP ? map_ids(tree, why) : 0;
  if (r < 0)
    return r;
  return mounts_attach(root, tree, target, why);
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

int mounts_bind(int root, const char *source, const char *target, uint64_t flags,
                struct failure *why) {
  const bool is_recursive = flags & BIND_RECURSIVE;
  autoclose int tree = open_source(root, source, is_recursive);

  if (tree < 0 && errno == ENOENT && (flags & BIND_OPTIONAL))
    return 0;
  if (tree < 0)
    return fail(why, errno, "bind %s on %s%s", source, target,
                is_recursive ? "" : ", without what is mounted below it");
  const int r = attach_bind(root, tree, target, flags, why);
  return r < 0 ? fail_while(why, "bind %s", source) : 0;
}

int mounts_bind_open(int fd, int place, const char *target, struct failure *why) {
  autoclose int tree = -1;
  const int r = clone_tree(fd, "", TREE_EMPTY_PATH, 0, &tree);

  if (r < 0)
    return fail(why, -r, "bind on %s", target);
  if (is_kernel_file(place))
    return fail(why, EBUSY, "mount on %s: it would cover the kernel's files", target);
  if (sys_move_mount(tree, place) < 0)
    return fail(why, errno, "mount on %s", target);
  return 0;
}

int mounts_bind_beneath(int root, const struct beneath *source, const char *target, uint64_t flags,
                        struct failure *why) {
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
    return fail(why, errno, "open %s in the volume for %s", source->path, target);
  tree = sys_open_tree(found, "", TREE_CLONE | TREE_CLOEXEC | TREE_EMPTY_PATH | TREE_RECURSIVE);
  if (tree < 0)
    return fail(why, errno, "bind %s of the volume on %s", source->path, target);
  return attach_bind(root, tree, target, flags | BIND_RECURSIVE, why);
}

/* A file system costs ten times what one more mount of it does. */
static int mask_directory(int place, const char *path, int *empty, struct failure *why) {
  char size[] = "size=4k", inodes[] = "nr_inodes=2";
  char *options[] = {size, inodes, NULL};
  const struct mount_request request = {
      .type = "tmpfs",
      .source = "tmpfs",
      .target = path,
      .attributes = ATTRIBUTE_READONLY | ATTRIBUTE_NOSUID | ATTRIBUTE_NODEV | ATTRIBUTE_NOEXEC,
      .options = options,
  };
  autoclose int mount = -1;
  int r;

  r = *empty < 0 ? make_filesystem(&request, &mount, why)
                 : clone_tree(*empty, "", TREE_EMPTY_PATH, 0, &mount);
  if (r < 0)
    return *empty < 0 ? r : fail(why, -r, "mask %s", path);
  if (sys_move_mount(mount, place) < 0)
    return fail(why, errno, "mask %s", path);
  if (*empty < 0)
    *empty = steal_fd(&mount);
  return 0;
}

static int mask_file(int place, const char *path, struct failure *why) {
  autoclose int tree = -1;
  const int r = clone_tree(AT_FDCWD, "/dev/null", 0, ATTRIBUTE_READONLY, &tree);

  if (r < 0)
    return fail(why, -r, "mask %s", path);
  if (sys_move_mount(tree, place) < 0)
    return fail(why, errno, "mask %s", path);
  return 0;
}

/* Nothing there, or nothing that could be there: nothing to protect. */
static bool is_absent(int errnum) {
  return errnum == ENOENT || errnum == ENOTDIR;
}

int mounts_mask(int root, const char *path, int *empty, struct failure *why) {
  autoclose int place = -1;
  const int r = inside_open(root, path, 0, &place, why);

  if (r < 0)
    return is_absent(-r) ? 0 : r;
  return inside_is_directory(place) ? mask_directory(place, path, empty, why)
                                    : mask_file(place, path, why);
}

int mounts_readonly(int root, const char *path, struct failure *why) {
  autoclose int place = -1;
  autoclose int tree = -1;
  int r = inside_open(root, path, 0, &place, why);

  if (r < 0)
    return is_absent(-r) ? 0 : r;
  r = clone_tree(place, "", TREE_EMPTY_PATH | TREE_RECURSIVE, ATTRIBUTE_READONLY, &tree);
  if (r < 0)
    return fail(why, -r, "make %s read-only", path);
  if (sys_move_mount(tree, place) < 0)
    return fail(why, errno, "make %s read-only", path);
  return 0;
}
