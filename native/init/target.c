#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/syscalls.h"
#include "../core/userns.h"
#include "namespaces.h"

static const struct {
  uint64_t flag;
  const char *name;
} kinds[] = {
    {CLONE_NEWUSER, "user"}, {CLONE_NEWNS, "mnt"},    {CLONE_NEWCGROUP, "cgroup"},
    {CLONE_NEWUTS, "uts"},   {CLONE_NEWIPC, "ipc"},   {CLONE_NEWNET, "net"},
    {CLONE_NEWPID, "pid"},   {CLONE_NEWTIME, "time"},
};

/* Of a process whose /proc/PID has this text for PID. ENOENT: the kernel has no such namespaces, or
 * the process has ended. */
static int look_at(const char *process, const char *kind, struct stat *ret_status) {
  char path[40];

  (void) snprintf(path, sizeof path, "/proc/%s/ns/%s", process, kind);
  return stat(path, ret_status) < 0 ? -errno : 0;
}

/* By the namespaces that the process is in itself: those of its children may be others. */
static int compare(const char *process, struct target *target, struct failure *why) {
  struct stat own, theirs;

  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (look_at("self", kinds[i].name, &own) < 0)
      continue;
    const int r = look_at(process, kinds[i].name, &theirs);

    if (r == -ENOENT)
      return fail(why, ESRCH, "find the container's process %s", process);
    if (r < 0)
      return fail(why, -r, "look at the namespaces of process %s", process);
    if (own.st_ino != theirs.st_ino || own.st_dev != theirs.st_dev)
      target->namespaces |= kinds[i].flag;
  }
  return 0;
}

static int open_root(const char *process, struct target *target, struct failure *why) {
  char path[40];

  (void) snprintf(path, sizeof path, "/proc/%s/root", process);
  target->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  return target->root < 0 ? fail(why, errno, "open %s", path) : 0;
}

int target_find(const struct plan *plan, struct target *ret_target, struct failure *why) {
  const struct operation *operation = plan_find(plan, PLAN_TARGET);
  char process[16];

  if (operation == NULL || operation->arguments[0].number > INT32_MAX)
    return fail(why, EINVAL, "the plan names no process");
  struct namespaces_holder holder = {
      .pid = (int) operation->arguments[0].number,
      .start = (long long) operation->arguments[1].number,
  };
  (void) snprintf(holder.boot, sizeof holder.boot, "%s", operation->arguments[2].text);
  (void) snprintf(process, sizeof process, "%d", holder.pid);

  *ret_target = TARGET_NONE;
  if (holder.start == 0 || namespaces_open_holder(&holder, &ret_target->pidfd) < 0)
    return fail(why, ESRCH, "find the container's process %s", process);
  if (compare(process, ret_target, why) < 0)
    return -why->errnum;
  if ((ret_target->namespaces & CLONE_NEWNS) == 0 && open_root(process, ret_target, why) < 0)
    return -why->errnum;
  /* It is there still: the number was its own when we looked. */
  if (sys_pidfd_send_signal(ret_target->pidfd, 0) < 0 && errno == ESRCH)
    return fail(why, ESRCH, "find the container's process %s", process);
  return 0;
}

static int hide(struct failure *why) {
  return prctl(PR_SET_DUMPABLE, 0) < 0 ? fail(why, errno, "hide from the container") : 0;
}

/* The ids of before may not be mapped there, and what is made inside is to be somebody's. */
static int become_root(struct failure *why) {
  const int r = userns_become_root(why);

  return r == -EINVAL ? 0 : r; /* id 0 is not mapped */
}

/* In one call: each namespace is entered by what we may on either side of the user namespace. None
 * inside sees us before we have a child in its pid namespace; hidden anew by then, for the kernel
 * has changed that with ids and capabilities (commit_creds()). */
int target_enter(const struct target *target, struct failure *why) {
  if (hide(why) < 0)
    return -why->errnum;
  if (target->namespaces != 0 && setns(target->pidfd, (int) target->namespaces) < 0)
    return fail(why, errno, "enter the container's namespaces");
  if ((target->namespaces & CLONE_NEWUSER) != 0 && become_root(why) < 0)
    return -why->errnum;
  if (target->root >= 0 && (fchdir(target->root) < 0 || chroot(".") < 0))
    return fail(why, errno, "enter the container's root");
  return hide(why);
}
