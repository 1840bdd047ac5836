#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "copy.h"
#include "inside.h"
#include "mounts_old.h"
#include "syscalls.h"
#include "tree.h"

#define PROC_MAGIC 0x9fa0
#define SYSFS_MAGIC 0x62656572
#define ROOT_INODE 1 /* of both */

/* On the file system of mounts_copied(). */
#define COPIED "copied"
#define LINKS "links"

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

static int set_options(int context, const struct mount_request *request, struct failure *why) {
  for (char *const *option = request->options; *option != NULL; option++)
    if (set_option(context, *option) < 0)
      return refuse(context, request, *option, why);
  return 0;
}

static int make_filesystem(const struct mount_request *request, int *ret_mount,
                           struct failure *why) {
  autoclose int context = sys_fsopen(request->type);

  if (context < 0)
    return fail(why, errno, "mount %s on %s", request->type, request->target);
  if (sys_fsconfig(context, FS_SET_STRING, "source", request->source) < 0)
    return refuse(context, request, "source", why);
  const int r = set_options(context, request, why);
  if (r < 0)
    return r;
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
static int check_place(int root, int place, const char *target, struct failure *why) {
  if (is_kernel_file(place) && (is_root(place) || !inside_is_at(root, target, place)))
    return fail(why, EBUSY, "mount on %s: it would cover the kernel's files", target);
  return 0;
}

static int attach(int root, int mount, int place, const char *target, struct failure *why) {
  const int r = check_place(root, place, target, why);

  if (r < 0)
    return r;
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
  if (mounts_needs_old(request))
    return check_place(root, target, request->target, why) < 0
               ? -why->errnum
               : mounts_old(root, target, request, why);
  r = make_filesystem(request, &mount, why);
  if (r < 0)
    return r;
  r = mounts_grant(mount, &request->wishes);
  if (r < 0)
    return fail(why, -r, "set the options of the mount on %s", request->target);
  return attach(root, mount, target, request->target, why);
}

/* How times of access are kept is locked where a mount came from another user namespace's (as is
 * what it forbids, but that is asked for as something to be kept): it stays as it is there. */
static int grant(int fd, unsigned below, struct mount_attributes change) {
  const uint64_t times = ATTRIBUTE_ATIME | ATTRIBUTE_NODIRATIME;

  if ((change.set | change.clear | change.propagation) == 0 ||
      sys_mount_setattr(fd, below, &change) == 0)
    return 0;
  if (errno != EPERM || ((change.set | change.clear) & times) == 0)
    return -errno;
  change.set &= ~times;
  change.clear &= ~times;
  return grant(fd, below, change);
}

int mounts_grant(int fd, const struct mount_wishes *wishes) {
  const struct mount_attributes below = {
      .set = wishes->set_below,
      .clear = wishes->clear_below,
  };
  const struct mount_attributes top = {
      .set = wishes->set,
      .clear = wishes->clear,
      .propagation = wishes->propagation,
  };

  const int r = grant(fd, TREE_RECURSIVE, below);

  return r < 0 ? r : grant(fd, 0, top);
}

/* On the file system that is to be: what is copied, beside a place for links that are made later.
 */
static int fill_copied(int mount, int place, struct failure *why) {
  autoclose int from = openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (from < 0 || mkdirat(mount, COPIED, 0755) < 0 || mkdirat(mount, LINKS, 0700) < 0)
    return fail(why, errno, "copy what is there");
  autoclose int to = openat(mount, COPIED, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  autoclose int links = openat(mount, LINKS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (to < 0 || links < 0)
    return fail(why, errno, "copy what is there");
  const int r = copy_tree(from, to, links, why);
  return r < 0 ? r : tree_remove(mount, LINKS, why);
}

/* What the options say of the top directory is for that of the file system, which is not seen. */
static int copy_top(int mount, char *const *options, struct failure *why) {
  struct stat status;
  bool has_mode = false, has_uid = false, has_gid = false;

  for (; *options != NULL; options++) {
    has_mode |= strncmp(*options, "mode=", 5) == 0;
    has_uid |= strncmp(*options, "uid=", 4) == 0;
    has_gid |= strncmp(*options, "gid=", 4) == 0;
  }
  if (fstat(mount, &status) < 0)
    return fail(why, errno, "look at the new file system");
  if (fchownat(mount, COPIED, has_uid ? status.st_uid : (uid_t) -1,
               has_gid ? status.st_gid : (gid_t) -1, 0) < 0 ||
      (has_mode && fchmodat(mount, COPIED, status.st_mode & 07777, 0) < 0))
    return fail(why, errno, "set owner and mode");
  return 0;
}

int mounts_copied(int root, const struct mount_request *request, struct failure *why) {
  struct mount_request plain = *request;
  autoclose int target = -1;
  autoclose int mount = -1;
  autoclose int tree = -1;
  int r;

  plain.type = plain.source = "tmpfs";
  plain.attributes = 0; /* it is written to first */
  r = inside_make_directory(root, request->target, 0755, &target, why);
  if (r == 0)
    r = make_filesystem(&plain, &mount, why);
  if (r == 0)
    r = fill_copied(mount, target, why);
  if (r == 0)
    r = copy_top(mount, request->options, why);
  if (r < 0)
    return fail_while(why, "mount tmpfs on %s", request->target);
  tree = sys_open_tree(mount, COPIED, TREE_CLONE | TREE_CLOEXEC);
  r = tree < 0 ? -errno : mounts_grant(tree, &request->wishes);
  if (r < 0)
    return fail(why, -r, "mount tmpfs on %s", request->target);
  return attach(root, tree, target, request->target, why);
}

int mounts_again(int root, const struct mount_request *request, struct failure *why) {
  autoclose int fd = -1;
  autoclose int context = -1;
  int r = inside_open(root, request->target, 0, &fd, why);

  if (r < 0)
    return r;
  if (*request->options != NULL) {
    context = sys_fspick(fd);
    if (context < 0)
      return fail(why, errno, "mount %s again", request->target);
    r = set_options(context, request, why);
    if (r < 0)
      return r;
    if (sys_fsconfig(context, FS_RECONFIGURE, NULL, NULL) < 0)
      return refuse(context, request, "", why);
  }
  r = mounts_grant(fd, &request->wishes);
  return r < 0 ? fail(why, -r, "set the options of the mount on %s", request->target) : 0;
}

int mounts_set_attributes(int fd, unsigned attributes, struct failure *why) {
  const struct mount_attributes change = {.set = attributes};

  if (sys_mount_setattr(fd, 0, &change) < 0)
    return fail(why, errno, "set mount attributes %#x", attributes);
  return 0;
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

static bool is_null_device(int fd) {
  struct stat status;

  return fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3);
}

/* In a mount namespace of somebody else it may be any file, or a link to one (CVE-2025-31133). */
static int mask_file(int place, const char *path, struct failure *why) {
  autoclose int tree = -1;
  const int r = clone_tree(AT_FDCWD, "/dev/null", 0, ATTRIBUTE_READONLY, &tree);

  if (r < 0)
    return fail(why, -r, "mask %s", path);
  if (!is_null_device(tree))
    return fail(why, ENODEV, "mask %s: /dev/null is something else", path);
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
