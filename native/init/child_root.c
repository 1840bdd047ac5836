/* The operations of a plan that make a container's root, what is in it, and what is mounted there.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/fd.h"
#include "../core/inside.h"
#include "../core/mounts.h"
#include "../core/node.h"
#include "../core/overlay.h"
#include "../core/syscalls.h"
#include "../core/volume.h"
#include "child_parts.h"
#include "move_root.h"

static int make_slave(struct child *child, const union argument *arguments, struct failure *why) {
  (void) child;
  (void) arguments;
  if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
    return fail(why, errno, "stop mounts from reaching the host");
  return 0;
}

/* Only of the one operation that comes next. */
static struct mount_wishes take_wishes(struct child *child) {
  const struct mount_wishes wishes = child->wishes;

  child->wishes = (struct mount_wishes){0};
  return wishes;
}

static int note_wishes(struct child *child, const union argument *arguments, struct failure *why) {
  (void) why;
  child->wishes = (struct mount_wishes){
      .set = arguments[0].number,
      .clear = arguments[1].number,
      .set_below = arguments[2].number,
      .clear_below = arguments[3].number,
      .propagation = arguments[4].number,
      .superblock = arguments[5].number,
  };
  return 0;
}

static struct overlay overlay_of(const union argument *arguments) {
  return (struct overlay){
      .upper = arguments[1].text,
      .work = arguments[2].text,
      .lowers = arguments[3].list,
      .options = arguments[4].list,
  };
}

static int mount_overlay(struct child *child, const union argument *arguments,
                         struct failure *why) {
  const struct overlay overlay = overlay_of(arguments);

  (void) child;
  return overlay_mount(arguments[0].text, &overlay, why);
}

static int mount_overlay_inside(struct child *child, const union argument *arguments,
                                struct failure *why) {
  const struct overlay overlay = overlay_of(arguments);
  char target[32];
  autoclose int fd = -1;
  int r;

  r = inside_make_directory(child->root, arguments[0].text, 0755, &fd, why);
  if (r < 0)
    return r;
  snprintf(target, sizeof target, "/proc/self/fd/%d", fd);
  r = overlay_mount(target, &overlay, why);
  /* A directory of the machine that has gone since the plan was made: an empty one is left. */
  if (r == -ENOENT && access(overlay.lowers[0], F_OK) < 0 && errno == ENOENT)
    return 0;
  return r < 0 ? fail_while(why, "%s", arguments[0].text) : 0;
}

static int mount_tmpfs_root(struct child *child, const union argument *arguments,
                            struct failure *why) {
  autoclose int place = open(arguments[0].text, O_PATH | O_DIRECTORY | O_CLOEXEC);
  const struct mount_request request = {
      .type = "tmpfs",
      .source = "tmpfs",
      .target = "/",
      .options = arguments[1].list,
  };

  (void) child;
  if (place < 0)
    return fail(why, errno, "open %s", arguments[0].text);
  return mounts_new(place, &request, why);
}

static int open_root(struct child *child, const union argument *arguments, struct failure *why) {
  const struct mount_attributes without_devices = {.set = ATTRIBUTE_NODEV};
  const char *path = arguments[0].text;

  if (arguments[1].number & ROOT_ALONE && mounts_make_alone(path, why) < 0)
    return -why->errnum;
  child->is_alone = arguments[1].number & ROOT_ALONE;
  if (arguments[1].number & ROOT_BIND && mount(path, path, NULL, MS_BIND | MS_REC, NULL) < 0)
    return fail(why, errno, "bind %s onto itself", path);
  if (child->is_alone && mount(NULL, path, NULL, MS_PRIVATE | MS_REC, NULL) < 0)
    return fail(why, errno, "keep what is mounted below %s from the host", path);
  child->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (child->root < 0)
    return fail(why, errno, "open root %s", path);
  if (arguments[1].number & ROOT_NODEV &&
      sys_mount_setattr(child->root, TREE_RECURSIVE, &without_devices) < 0)
    return fail(why, errno, "make device nodes in root %s useless", path);
  return 0;
}

static int make_directory(struct child *child, const union argument *arguments,
                          struct failure *why) {
  autoclose int fd = -1;

  return inside_make_directory(child->root, arguments[0].text, (mode_t) arguments[1].number, &fd,
                               why);
}

static const char kernel_settings[] = "/proc/sys/";

static bool is_procfs(int fd) {
  struct statfs filesystem;

  return fstatfs(fd, &filesystem) == 0 && filesystem.f_type == PROC_SUPER_MAGIC;
}

/* Of the kernel, and the one that is meant: not a file of a container in the place of /proc, nor
 * what was mounted or linked where the setting is (CVE-2025-52881). */
static int open_setting(int root, const char *path, int *ret_fd, struct failure *why) {
  const struct open_how how = {
      .flags = O_WRONLY | O_CLOEXEC,
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
  };
  autoclose int proc = -1;
  int r;

  r = inside_open(root, "/proc", O_DIRECTORY | O_NOFOLLOW, &proc, why);
  if (r < 0)
    return r;
  if (!is_procfs(proc))
    return fail(why, ENODEV, "write %s: /proc is something else", path);
  *ret_fd = sys_openat2(proc, path + sizeof "/proc/" - 1, &how);
  return *ret_fd < 0 ? fail(why, errno, "write %s", path) : 0;
}

static int write_setting(int root, const char *path, const char *text, struct failure *why) {
  autoclose int fd = -1;
  const int r = open_setting(root, path, &fd, why);

  if (r < 0)
    return r;
  /* The kernel takes it as one or not at all. */
  return write(fd, text, strlen(text)) < 0 ? fail(why, errno, "write %s", path) : 0;
}

static int make_file(struct child *child, const union argument *arguments, struct failure *why) {
  const char *file = arguments[0].text;
  char path[32];
  autoclose int fd = -1;
  int r;

  if (strncmp(file, kernel_settings, sizeof kernel_settings - 1) == 0)
    return write_setting(child->root, file, arguments[2].text, why);
  r = inside_make_file(child->root, file, (mode_t) arguments[1].number, &fd, why);
  if (r < 0 || arguments[2].text[0] == '\0')
    return r;
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  r = fd_write_file(AT_FDCWD, path, arguments[2].text, why);
  return r < 0 ? fail(why, -r, "write %s", file) : 0;
}

static int make_symlink(struct child *child, const union argument *arguments, struct failure *why) {
  return inside_make_symlink(child->root, arguments[0].text, arguments[1].text, why);
}

static int bind_path(struct child *child, const union argument *arguments, struct failure *why) {
  const struct bind_request request = {
      .source = arguments[0].text,
      .target = arguments[1].text,
      .flags = arguments[2].number,
      .wishes = take_wishes(child),
  };

  return mounts_bind(child->root, &request, why);
}

/* The starter has made it. */
static int bind_mapped(struct child *child, const union argument *arguments, struct failure *why) {
  autoclose int tree = child->borrowed++;
  const struct bind_request request = {
      .source = arguments[0].text,
      .target = arguments[1].text,
      .flags = arguments[2].number,
      .wishes = take_wishes(child),
  };

  return mounts_bind_tree(child->root, tree, &request, why);
}

static int bind_beneath(struct child *child, const union argument *arguments, struct failure *why) {
  const struct beneath source = {.base = arguments[0].text, .path = arguments[1].text};
  const struct bind_request request = {
      .source = arguments[1].text,
      .target = arguments[2].text,
      .flags = arguments[3].number,
      .wishes = take_wishes(child),
  };

  return mounts_bind_beneath(child->root, &source, &request, why);
}

static int fill_volume(struct child *child, const union argument *arguments, struct failure *why) {
  const struct filling filling = {
      .directory = arguments[0].text,
      .root = child->root,
      .target = arguments[1].text,
      .done = arguments[2].text,
      .flags = arguments[3].number,
  };

  return volume_fill(&filling, why);
}

static int mount_new(struct child *child, const union argument *arguments, struct failure *why) {
  const struct mount_request request = {
      .type = arguments[0].text,
      .source = arguments[1].text,
      .target = arguments[2].text,
      .attributes = (unsigned) arguments[3].number,
      .options = arguments[4].list,
      .wishes = take_wishes(child),
  };

  return mounts_new(child->root, &request, why);
}

static int mount_copied(struct child *child, const union argument *arguments, struct failure *why) {
  const struct mount_request request = {
      .target = arguments[0].text,
      .options = arguments[1].list,
      .wishes = take_wishes(child),
  };

  return mounts_copied(child->root, &request, why);
}

static int mount_again(struct child *child, const union argument *arguments, struct failure *why) {
  char *nothing[] = {NULL};
  const struct mount_request request = {
      .type = "again",
      .target = arguments[0].text,
      .options = arguments[1].number & REMOUNT_ATTRIBUTES ? nothing : arguments[2].list,
      .wishes = take_wishes(child),
  };

  return mounts_again(child->root, &request, why);
}

static int attach_borrowed(struct child *child, const union argument *arguments,
                           struct failure *why) {
  autoclose int mount = child->borrowed++;

  return mounts_attach(child->root, mount, arguments[3].text, why);
}

static int make_node(struct child *child, const union argument *arguments, struct failure *why) {
  const struct node_request request = {
      .path = arguments[0].text,
      .mode = (mode_t) (arguments[1].number & (S_IFMT | 07777)),
      .is_there = arguments[1].number & NODE_IS_THERE,
      .device = makedev((unsigned) arguments[2].number, (unsigned) arguments[3].number),
      .uid = (uid_t) arguments[4].number,
      .gid = (gid_t) arguments[5].number,
  };

  return node_make(child->root, &request, why);
}

static int mask_path(struct child *child, const union argument *arguments, struct failure *why) {
  return mounts_mask(child->root, arguments[0].text, &child->empty, why);
}

static int make_readonly(struct child *child, const union argument *arguments,
                         struct failure *why) {
  return mounts_readonly(child->root, arguments[0].text, why);
}

static int make_root_readonly(struct child *child, const union argument *arguments,
                              struct failure *why) {
  (void) arguments;
  return mounts_set_attributes(child->root, ATTRIBUTE_READONLY, why);
}

/* Where an overlay was left out there is no mount (EINVAL): what it would lie in is made
 * read-only by its own operation. */
static int make_mount_readonly(struct child *child, const union argument *arguments,
                               struct failure *why) {
  autoclose int fd = -1;
  int r = inside_open(child->root, arguments[0].text, 0, &fd, why);

  if (r < 0)
    return r;
  r = mounts_set_attributes(fd, ATTRIBUTE_READONLY, why);
  return r == -EINVAL ? 0 : r;
}

/* The old root ends up stacked under the new one and is let go (pivot_root(2), NOTES). */
static int pivot(struct child *child, const union argument *arguments, struct failure *why) {
  const struct mount_attributes slave = {.propagation = MS_SLAVE};
  autoclose int old = child->is_alone ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

  (void) arguments;
  if (fchdir(child->root) < 0)
    return fail(why, errno, "enter the new root");
  if (sys_pivot_root(".", ".") < 0)
    return fail(why, errno, "pivot_root");
  /* Else the host would let go of it too. */
  if (child->is_alone && sys_mount_setattr(old, TREE_RECURSIVE, &slave) < 0)
    return fail(why, errno, "stop mounts from reaching the host");
  if (umount2(".", MNT_DETACH) < 0)
    return fail(why, errno, "let go of the old root");
  if (chdir("/") < 0)
    return fail(why, errno, "enter /");
  return 0;
}

static int move_onto_root(struct child *child, const union argument *arguments,
                          struct failure *why) {
  (void) arguments;
  return move_root(child->root, why);
}

static int set_propagation(struct child *child, const union argument *arguments,
                           struct failure *why) {
  (void) child;
  if (mount(NULL, "/", NULL, (unsigned long) arguments[0].number, NULL) < 0)
    return fail(why, errno, "set the propagation of the root");
  return 0;
}

const struct child_step child_root_steps[] = {
    {PLAN_PROPAGATION, make_slave},
    {PLAN_OVERLAY, mount_overlay},
    {PLAN_OVERLAY_IN, mount_overlay_inside},
    {PLAN_TMPFS_ROOT, mount_tmpfs_root},
    {PLAN_ROOT, open_root},
    {PLAN_DIRECTORY, make_directory},
    {PLAN_FILE, make_file},
    {PLAN_SYMLINK, make_symlink},
    {PLAN_BIND, bind_path},
    {PLAN_BIND_IN, bind_beneath},
    {PLAN_COPY_UP, fill_volume},
    {PLAN_MOUNT, mount_new},
    {PLAN_BORROW, attach_borrowed},
    {PLAN_NODE, make_node},
    {PLAN_BIND_MAPPED, bind_mapped},
    {PLAN_MOUNT_ATTRIBUTES, note_wishes},
    {PLAN_REMOUNT, mount_again},
    {PLAN_TMPFS_COPY, mount_copied},
    {PLAN_ROOT_PROPAGATION, set_propagation},
    {PLAN_MASK, mask_path},
    {PLAN_READONLY, make_readonly},
    {PLAN_ROOT_READONLY, make_root_readonly},
    {PLAN_MOUNT_READONLY, make_mount_readonly},
    {PLAN_PIVOT, pivot},
    {PLAN_MOVE_ROOT, move_onto_root},
    {0, NULL},
};
