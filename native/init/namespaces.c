#include "namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/fd.h"
#include "../core/process_stat.h"
#include "../core/sync.h"
#include "../core/syscalls.h"

/* What report.c makes of note_alive()'s first members in run.c. */
#define LIVE_BEGINNING "{\"version\":1,\"pid\":%d,\"pidStart\":%lld,\"bootId\":\"%63[0-9a-f-]"

static long long start_time(pid_t pid) {
  char path[32];
  struct process_stat stat;

  (void) snprintf(path, sizeof path, "/proc/%d", (int) pid);
  return process_stat_read(AT_FDCWD, path, &stat) ? stat.start : 0;
}

struct namespaces_holder namespaces_holder_of(pid_t pid) {
  struct namespaces_holder holder = {.pid = pid, .start = start_time(pid)};
  autofree char *boot = NULL;
  size_t size = 0;
  struct failure ignored;

  if (fd_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &boot, &size, &ignored) == 0)
    (void) snprintf(holder.boot, sizeof holder.boot, "%.*s", (int) strcspn(boot, "\n"), boot);
  return holder;
}

bool namespaces_read_holder(const char *live, struct namespaces_holder *ret_holder) {
  struct namespaces_holder holder = {0};

  if (sscanf(live, LIVE_BEGINNING, &holder.pid, &holder.start, holder.boot) != 3 ||
      holder.pid <= 0 || holder.start <= 0)
    return false;
  *ret_holder = holder;
  return true;
}

/* The process was there before it was looked at, and is there after: its number was not given to
 * another meanwhile. */
static bool is_still(const struct namespaces_holder *holder, int pidfd) {
  const struct namespaces_holder now = namespaces_holder_of(holder->pid);

  return strcmp(holder->boot, now.boot) == 0 && holder->start == now.start &&
         sys_pidfd_send_signal(pidfd, 0) == 0;
}

int namespaces_open_holder(const struct namespaces_holder *holder, int *ret_pidfd) {
  autoclose int pidfd = sys_pidfd_open(holder->pid);

  if (pidfd < 0 || !is_still(holder, pidfd))
    return -ESRCH;
  *ret_pidfd = steal_fd(&pidfd);
  return 0;
}

int namespaces_find(const char *live, const char *name, pid_t *ret_pid, int *ret_pidfd,
                    struct failure *why) {
  autofree char *text = NULL;
  size_t size = 0;
  struct namespaces_holder holder;

  if (fd_read_file(AT_FDCWD, live, 16384, &text, &size, why) < 0)
    return why->errnum == ENOENT ? fail(why, ESRCH, "find container %s", name) : -why->errnum;
  if (!namespaces_read_holder(text, &holder))
    return fail(why, ESRCH, "find container %s", name);

  if (namespaces_open_holder(&holder, ret_pidfd) < 0)
    return fail(why, ESRCH, "find container %s", name);
  if (ret_pid != NULL)
    *ret_pid = holder.pid;
  return 0;
}

int namespaces_join(const struct plan *plan, uint64_t which, struct failure *why) {
  for (size_t i = 0; i < plan->count; i++) {
    const union argument *arguments = plan->operations[i].arguments;
    autoclose int pidfd = -1;
    int r;

    if (plan->operations[i].code != PLAN_JOIN || (arguments[1].number & which) == 0)
      continue;
    r = namespaces_find(arguments[0].text, arguments[2].text, NULL, &pidfd, why);
    if (r < 0)
      return r;
    if (setns(pidfd, (int) (arguments[1].number & which)) < 0)
      return fail(why, errno, "enter namespaces of container %s", arguments[2].text);
  }
  return 0;
}

/* In a process of its own: who enters another mount namespace may not find the way back, which
 * belongs to the host. Paths are the other container's there, and lead nowhere else. */
static _Noreturn void copy_mount(int pidfd, const char *path, int socket) {
  struct failure ignored;

  if (setns(pidfd, CLONE_NEWNS) < 0)
    _exit(errno);
  const int tree = sys_open_tree(AT_FDCWD, path, TREE_CLONE | TREE_CLOEXEC);
  if (tree < 0)
    _exit(errno);
  _exit(-fd_send(socket, tree, &ignored));
}

static int borrow(const union argument *arguments, int *ret_mount, struct failure *why) {
  autoclose int pidfd = -1;
  int ends[2];
  int status = 0;
  int r;

  r = namespaces_find(arguments[0].text, arguments[1].text, NULL, &pidfd, why);
  if (r < 0)
    return r;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
    return fail(why, errno, "create a socket");
  autoclose int ours = ends[0];
  autoclose int theirs = ends[1];

  const pid_t pid = fork();
  if (pid < 0)
    return fail(why, errno, "fork");
  if (pid == 0)
    copy_mount(pidfd, arguments[2].text, theirs);
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
    continue;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return fail(why, WIFEXITED(status) ? WEXITSTATUS(status) : EIO, "borrow %s of container %s",
                arguments[2].text, arguments[1].text);
  return fd_receive(ours, ret_mount, why);
}

int namespaces_borrow(const struct plan *plan, int ret_mounts[NAMESPACES_MAX_BORROWED],
                      struct failure *why) {
  int count = 0;

  for (size_t i = 0; i < plan->count; i++) {
    if (plan->operations[i].code != PLAN_BORROW)
      continue;
    if (count == NAMESPACES_MAX_BORROWED)
      return fail(why, E2BIG, "borrow more than %d mounts", NAMESPACES_MAX_BORROWED);
    if (borrow(plan->operations[i].arguments, &ret_mounts[count], why) < 0)
      return -why->errnum;
    count++;
  }
  return count;
}

static const char *const kinds[] = {[NAMESPACE_MOUNT] = "mnt", [NAMESPACE_NETWORK] = "net"};

static int open_namespace(const char *process, enum namespace_kind kind, int *ret_fd,
                          struct failure *why) {
  char path[40];

  (void) snprintf(path, sizeof path, "/proc/%s/ns/%s", process, kinds[kind]);
  *ret_fd = open(path, O_RDONLY | O_CLOEXEC);
  return *ret_fd < 0 ? fail(why, errno, "open %s", path) : 0;
}

int namespaces_show(const struct plan *plan, int sync, struct failure *why) {
  for (size_t i = 0; plan_find(plan, PLAN_JOIN) != NULL && i < sizeof kinds / sizeof *kinds; i++) {
    autoclose int fd = -1;

    if (open_namespace("self", (enum namespace_kind) i, &fd, why) < 0 ||
        sync_send_fd(sync, SYNC_NAMESPACE, fd, why) < 0)
      return -why->errnum;
  }
  return 0;
}

int namespaces_of_child(const struct plan *plan, pid_t child, int sync, enum namespace_kind kind,
                        int *ret_fd, struct failure *why) {
  char process[16];

  if (plan_find(plan, PLAN_JOIN) != NULL)
    return sync_expect_fd(sync, SYNC_NAMESPACE, ret_fd, why);
  (void) snprintf(process, sizeof process, "%d", (int) child);
  return open_namespace(process, kind, ret_fd, why);
}

int namespaces_find_child(pid_t parent, pid_t *ret_pid, int *ret_pidfd) {
  char path[64];
  char name[16];
  int child = 0;
  struct process_stat stat;

  (void) snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int) parent, (int) parent);
  FILE *children = fopen(path, "re");
  if (children == NULL)
    return -errno;
  const bool is_found = fscanf(children, "%d", &child) == 1;
  (void) fclose(children);
  if (!is_found)
    return -ESRCH;
  autoclose int pidfd = sys_pidfd_open(child);
  (void) snprintf(name, sizeof name, "/proc/%d", child);
  if (pidfd < 0 || !process_stat_read(AT_FDCWD, name, &stat) || stat.parent != parent)
    return -ESRCH;
  *ret_pid = child;
  *ret_pidfd = steal_fd(&pidfd);
  return 0;
}
