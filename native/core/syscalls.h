/* syscalls.h — system calls that a C library of our floor (glibc 2.31, musl) may not wrap.
 *
 * All are in Linux 5.15. Each returns what the kernel returns: -1 and errno on failure.
 */
#pragma once

#include <linux/openat2.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* linux/mount.h and sys/mount.h clash in some releases of glibc: what we use, by our names. */
enum {
  TREE_CLONE = 1,
  TREE_CLOEXEC = 02000000,
  TREE_RECURSIVE = 0x8000,
  TREE_EMPTY_PATH = 0x1000,
  MOVE_FROM_EMPTY_PATH = 0x4,
  MOVE_TO_EMPTY_PATH = 0x40,
  FS_CLOEXEC = 1,
  FS_SET_FLAG = 0,
  FS_SET_STRING = 1,
  FS_CREATE = 6,
  FS_RECONFIGURE = 7,
  FS_PICK_CLOEXEC = 1,
  FS_PICK_EMPTY_PATH = 8,
  RENAME_NO_REPLACE = 1,
  ATTRIBUTE_READONLY = 0x1,
  ATTRIBUTE_NOSUID = 0x2,
  ATTRIBUTE_NODEV = 0x4,
  ATTRIBUTE_NOEXEC = 0x8,
  ATTRIBUTE_NOATIME = 0x10,
  ATTRIBUTE_STRICTATIME = 0x20,
  ATTRIBUTE_ATIME = 0x70, /* one of these, or none */
  ATTRIBUTE_NODIRATIME = 0x80,
  ATTRIBUTE_IDMAP = 0x100000,
  ATTRIBUTE_NOSYMFOLLOW = 0x200000,
  OLD_NOSYMFOLLOW = 256, /* of mount(2), Linux 5.10 */
};

/* struct mount_attr of linux/mount.h, first version. */
struct mount_attributes {
  uint64_t set;
  uint64_t clear;
  uint64_t propagation;
  uint64_t userns;
};

static inline int sys_clone3(struct clone_args *arguments) {
  return (int) syscall(SYS_clone3, arguments, sizeof *arguments);
}

static inline int sys_pidfd_open(pid_t pid) {
  return (int) syscall(SYS_pidfd_open, pid, 0);
}

static inline int sys_pidfd_send_signal(int pidfd, int signal) {
  return (int) syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

static inline int sys_openat2(int dirfd, const char *path, const struct open_how *how) {
  return (int) syscall(SYS_openat2, dirfd, path, how, sizeof *how);
}

/* rename(), which fails with EEXIST where rename() would replace. */
static inline int sys_rename_new(int from, const char *name, int to, const char *target) {
  return (int) syscall(SYS_renameat2, from, name, to, target, RENAME_NO_REPLACE);
}

static inline int sys_open_tree(int dirfd, const char *path, unsigned flags) {
  return (int) syscall(SYS_open_tree, dirfd, path, flags);
}

static inline int sys_move_mount(int from, int to) {
  return (int) syscall(SYS_move_mount, from, "", to, "", MOVE_FROM_EMPTY_PATH | MOVE_TO_EMPTY_PATH);
}

static inline int sys_fsopen(const char *type) {
  return (int) syscall(SYS_fsopen, type, FS_CLOEXEC);
}

/* The file system that is mounted where `fd` is, to be changed. */
static inline int sys_fspick(int fd) {
  return (int) syscall(SYS_fspick, fd, "", FS_PICK_CLOEXEC | FS_PICK_EMPTY_PATH);
}

static inline int sys_fsconfig(int fd, unsigned command, const char *key, const char *value) {
  return (int) syscall(SYS_fsconfig, fd, command, key, value, 0);
}

static inline int sys_fsmount(int fd, unsigned attributes) {
  return (int) syscall(SYS_fsmount, fd, FS_CLOEXEC, attributes);
}

static inline int sys_mount_setattr(int fd, unsigned flags,
                                    const struct mount_attributes *attributes) {
  return (int) syscall(SYS_mount_setattr, fd, "", TREE_EMPTY_PATH | flags, attributes,
                       sizeof *attributes);
}

static inline int sys_pivot_root(const char *new_root, const char *put_old) {
  return (int) syscall(SYS_pivot_root, new_root, put_old);
}

static inline int sys_close_range(unsigned first, unsigned last, unsigned flags) {
  return (int) syscall(SYS_close_range, first, last, flags);
}
