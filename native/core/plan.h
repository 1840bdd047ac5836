/* plan.h — what TypeScript decided, as a flat list of operations; C only carries it out.
 *
 * On disk a plan is little-endian: "MPLN", u32 version, u32 number of operations; then each
 * operation: u32 code, and its arguments as its signature says:
 *
 *   s  text    u32 length, the bytes, a NUL (none inside)
 *   n  number  u64
 *   l  list    u32 count, then as many texts
 *
 * lib/native/plan.ts holds the same table; test/unit/native/plan.test.ts compares the two.
 * The decoder trusts nothing: every length is checked against what is left.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "failure.h"

#define PLAN_VERSION 1
#define PLAN_ARGUMENTS 6
#define PLAN_MAX_BYTES (16u << 20)
#define PLAN_MAX_OPERATIONS 65536u

/* code, C name, name, signature */
#define PLAN_OPERATIONS(X)                                                                         \
  X(1, CONTAINER, "container", "ss")            /* id, title */                                    \
  X(2, BUNDLE, "bundle", "s")                   /* path */                                         \
  X(3, LIVE, "live", "s")                       /* path, unlinked at the very end */               \
  X(4, NAME, "name", "s")                       /* path, unlinked on removal */                    \
  X(5, REMOVE, "remove", "sl")                  /* trash path, further trees */                    \
  X(6, SETGROUPS, "setgroups", "s")             /* allow or deny */                                \
  X(7, UID_MAP, "uid-map", "s")                 /* lines for /proc/PID/uid_map */                  \
  X(8, GID_MAP, "gid-map", "s")                 /* lines for /proc/PID/gid_map */                  \
  X(9, NAMESPACES, "namespaces", "n")           /* CLONE_NEW… */                                 \
  X(10, FUSE_OVERLAYFS, "fuse-overlayfs", "sl") /* target, command line */                         \
  X(11, JOIN, "join", "sns")                    /* live file of a container, CLONE_NEW…, name */ \
  X(12, NETWORK, "network", "snl")              /* helper's name, NETWORK_…, command line */     \
  X(14, HOSTS, "hosts", "sss")                  /* path, text, names behind the own address */     \
  X(13, TERMINAL, "terminal", "nn")             /* columns, rows; the child makes it */            \
  X(15, LOG, "log", "snn")                      /* path, bytes a file, files; 0: no limit */       \
  X(16, STDIN, "stdin", "n")                    /* 1: open, whoever attaches writes to it */       \
  X(17, RESTART, "restart", "sn")               /* policy, most retries; 0: no limit */            \
  X(18, HEALTH, "health", "snnnnn")             /* plan, four times in ms, tries: health.h */      \
  X(19, EVENTS, "events", "ss")                 /* path, a JSON object: what is told of it */      \
  X(20, CGROUP, "cgroup", "s")                  /* name of one below the keeper's own */           \
  X(21, MAP_BY, "map-by", "s")                  /* bare: `direct`, or by the `helpers` */          \
  X(22, ENTER, "enter", "nss")                  /* CLONE_NEW…, path of a namespace, its words */ \
  X(23, TIME_OFFSETS, "time-offsets", "s")      /* lines for /proc/PID/timens_offsets */           \
  X(24, EXEC_FIFO, "exec-fifo", "s")            /* bare: path, made by the starter (gate.h) */     \
  X(25, CONSOLE_SOCKET, "console-socket", "s")  /* bare: where the terminal's master goes */       \
  X(26, PRESERVE_FDS, "preserve-fds", "n")      /* bare: the command has so many from 3 on */      \
  X(27, CGROUP_DIRECTORY, "cgroup-directory", "s")   /* bare: of version 2, to be cloned into */   \
  X(28, SECCOMP_LISTENER, "seccomp-listener", "sss") /* socket, JSON */                            \
  X(32, HOSTNAME, "hostname", "s")                                                                 \
  X(33, LOOPBACK, "loopback", "")                                                                  \
  X(34, PROPAGATION, "propagation", "")                                                            \
  X(35, OVERLAY, "overlay", "sssll")       /* target on the host, upper, work, lowers, options */  \
  X(36, TMPFS_ROOT, "tmpfs-root", "sl")    /* target on the host, options */                       \
  X(37, ROOT, "root", "sn")                /* path on the host, ROOT_… */                        \
  X(38, OVERLAY_IN, "overlay-in", "sssll") /* target inside, upper, work, lowers, options */       \
  X(39, DIRECTORY, "directory", "sn")      /* path inside, mode */                                 \
  X(40, FILE, "file", "sns")               /* path inside, mode, text */                           \
  X(41, SYMLINK, "symlink", "ss")          /* text, path inside */                                 \
  X(42, BIND, "bind", "ssn")               /* source on the host, target inside, BIND_… */       \
  X(43, MOUNT, "mount", "sssnl")           /* type, source, target inside, attributes, options */  \
  X(44, MASK, "mask", "s")                                                                         \
  X(45, READONLY, "readonly", "s")                                                                 \
  X(46, ROOT_READONLY, "root-readonly", "")                                                        \
  X(47, PIVOT, "pivot", "")                                                                        \
  X(48, KEYRING, "keyring", "s")                                                                   \
  X(49, USER, "user", "sln") /* user[:group], further groups, USER_… */                          \
  X(50, WORKDIR, "workdir", "s")                                                                   \
  X(51, CAPABILITIES, "capabilities", "nnnnn") /* the five sets */                                 \
  X(52, NO_NEW_PRIVILEGES, "no-new-privileges", "")                                                \
  X(53, UMASK, "umask", "n")                                                                       \
  X(54, ENVIRONMENT, "environment", "l")                                                           \
  X(55, COMMAND, "command", "l")                                                                   \
  X(56, MOUNT_READONLY, "mount-readonly", "s") /* mount point inside, not what is below it */      \
  X(57, RLIMIT, "rlimit", "snnn")              /* name, RLIMIT_…, soft, hard */                  \
  X(58, OOM_SCORE_ADJ, "oom-score-adj", "s")   /* the keeper's */                                  \
  X(59, SECCOMP, "seccomp", "s")               /* path of a filter on the host */                  \
  X(60, DOMAINNAME, "domainname", "s")                                                             \
  X(61, COPY_UP, "copy-up", "sssn") /* volume, target inside, file that says done, VOLUME_… */   \
  X(62, VOLUME, "volume", "ss")     /* volume, trash path or "": let go of on removal */           \
  X(63, BIND_IN, "bind-in", "sssn") /* directory of the host, path below it, as `bind` */          \
  X(65, INIT, "init", "")           /* the first process is a reaper */                            \
  X(66, BECOME_ROOT, "become-root", "l")    /* paths on the host that become root's too */         \
  X(67, RUNTIME_HOOKS, "runtime-hooks", "") /* bare: Node carries out those of the runtime */      \
  X(68, HOOK, "hook", "nnslls") /* bare: HOOK_…, ms or 0, path, arguments, environment, state */ \
  X(69, PERSONALITY, "personality", "n")  /* personality(2) */                                     \
  X(70, SCHEDULER, "scheduler", "nnnnnn") /* policy, flags, nice or priority, three times in ns */ \
  X(71, IO_PRIORITY, "io-priority", "n")  /* ioprio_set(2) */                                      \
  X(72, LABEL, "label", "ss") /* file below /proc/self/attr, what is written to it before exec */  \
  X(73, NODE, "node", "snnnnn") /* path inside, mode with type, major, minor, uid, gid: node.h */  \
  X(74, BIND_MAPPED, "bind-mapped", "ssnss")       /* as `bind`; lines of a uid_map, a gid_map */  \
  X(75, ROOT_PROPAGATION, "root-propagation", "n") /* MS_… of the mount that is / */             \
  X(76, BORROW, "borrow", "ssss") /* live file of a container, name, path there, target inside */  \
  X(77, MOVE_ROOT, "move-root", "")         /* in the place of `pivot` */                          \
  X(78, CPU_AFFINITY, "cpu-affinity", "ss") /* lists of CPUs: from here on, and of the command */  \
  X(80, REMOUNT, "remount", "snl")          /* mount point inside, REMOUNT_…, options */         \
  X(81, MOUNT_ATTRIBUTES, "mount-attributes", "nnnnnn") /* of the next mount: mounts.h */          \
  X(82, TMPFS_COPY, "tmpfs-copy", "sl")  /* target inside, options: with what was there before */  \
  X(120, CGROUP_WAIT, "cgroup-wait", "") /* bare: `cgroup {pid}` before all else */                \
  X(110, TARGET, "target", "nns") /* bare: process of a container, its start in ticks, the boot */

enum plan_code {
#define PLAN_CODE(code, name, text, signature) PLAN_##name = (code),
  PLAN_OPERATIONS(PLAN_CODE)
#undef PLAN_CODE
};

/* root: the path is no mount of the child's own yet, bind it onto itself. */
enum {
  ROOT_BIND = 1,
  /* The mount that it lies on stops to be shared: nothing below the root reaches the host. */
  ROOT_ALONE = 2,
  /* Device nodes in it, and on what is mounted in it already, cannot be used. */
  ROOT_NODEV = 4
};
enum {
  BIND_RECURSIVE = 1,
  BIND_OPTIONAL = 2, /* no source: no mount */
  BIND_READONLY = 4,
  BIND_NOSUID = 8,
  BIND_NODEV = 16,
  BIND_NOEXEC = 32,
  BIND_READONLY_TOP = 64, /* only the mount itself, not what is mounted below it */
  BIND_IDMAP = 128,       /* ids on disk are those of the container */
  /* Without one of these it is private, with all that is below it. */
  BIND_SLAVE = 256,
  BIND_SHARED = 512,
  BIND_UNBINDABLE = 1024,
  BIND_PROPAGATION_TOP = 2048, /* what is below it stays as it was: a slave of the host's */
  BIND_IDMAP_BELOW = 4096,     /* what is below it too, with BIND_IDMAP or `bind-mapped` */
};
/* hook: where in a start it is carried out. Its state is JSON up to and with `"pid":`. */
enum { HOOK_CREATE_CONTAINER = 1, HOOK_START_CONTAINER };
/* remount: the mount point's own attributes, but not its file system's. */
enum { REMOUNT_ATTRIBUTES = 1 };
/* node: in its mode. It has to be there already. */
enum { NODE_IS_THERE = 1 << 20 };
/* network: the next one where this fails, and without a next one none, or else no container. */
enum { NETWORK_REQUIRED = 1 };
enum {
  VOLUME_COPY = 1,    /* what the image has there, into an empty volume */
  VOLUME_DURABLE = 2, /* it outlives a power cut */
};
enum {
  USER_SETS_HOME = 1,    /* HOME from /etc/passwd unless the environment has one */
  USER_KEEPS_GROUPS = 2, /* setgroups is denied here: id 0 only */
  USER_GIVEN_GROUPS = 4, /* the further groups are all: the primary one is not among them */
};

union argument {
  const char *text;
  uint64_t number;
  char **list; /* ends with NULL */
};

struct operation {
  enum plan_code code;
  union argument arguments[PLAN_ARGUMENTS];
};

struct plan {
  size_t count;
  struct operation *operations;
  char **texts; /* the lists' slots */
  char *bytes;  /* what the texts point into */
};

/* Decode `size` bytes, taking them over: plan_free() frees them, on failure too this does. */
int plan_decode(char *bytes, size_t size, struct plan *ret_plan, struct failure *why);
int plan_read(const char *path, struct plan *ret_plan, struct failure *why);
void plan_free(struct plan *plan);

/* The first operation of that code, or NULL. */
const struct operation *plan_find(const struct plan *plan, enum plan_code code);

/* The first argument of that operation, or NULL when the plan has none. */
const char *plan_text(const struct plan *plan, enum plan_code code);

const char *plan_name(enum plan_code code);
