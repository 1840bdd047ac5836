/* exec_watch.c — the watcher of a further command in a container.
 *
 * Theory of operation: we stay outside, where the container does not see us and what stops or ends
 * it does not reach us, and are root of the user namespace that the container's was made in: so we
 * may enter all of its namespaces, and end what runs there. Only its pid namespace do we enter, as
 * far as that goes: our children are in it.
 *
 * A container's first process is asked for its namespaces. One of our own (init/reaper.h) does not
 * let itself be asked, and its first child, the container's command, is. Where such a process has
 * gone into namespaces of its own since, we follow it: they lie inside the container's.
 */
#include "exec_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/fd.h"
#include "../core/process_stat.h"
#include "../core/sync.h"
#include "../core/syscalls.h"
#include "cgroup.h"
#include "exec_inside.h"
#include "family.h"
#include "namespaces.h"

/* How long a head may take to tell of a command that was killed: it may have been stopped. */
enum { REPORT_MS = 1000 };

static int open_user_namespace(pid_t pid) {
  char path[40];

  (void) snprintf(path, sizeof path, "/proc/%d/ns/user", (int) pid);
  return open(path, O_RDONLY | O_CLOEXEC);
}

static bool is_denied(int errnum) {
  return errnum == EACCES || errnum == EPERM;
}

static bool has_ended(int pidfd) {
  return sys_pidfd_send_signal(pidfd, 0) < 0 && errno == ESRCH;
}

/* A process of the container that lets itself be asked by whom we are now, and its user namespace.
 */
static int find_target(struct exec *exec, const union argument *join, int *ret_userns,
                       struct failure *why) {
  const char *name = join[2].text;
  pid_t pid = 0;
  autoclose int pidfd = -1;
  int r;

  r = namespaces_find(join[0].text, name, &pid, &pidfd, why);
  if (r < 0)
    return r;
  autoclose int userns = open_user_namespace(pid);
  if (userns < 0 && is_denied(errno)) {
    (void) close(steal_fd(&pidfd));
    r = namespaces_find_child(pid, &pid, &pidfd);
    if (r < 0)
      return fail(why, -r, "find the command of container %s", name);
    userns = open_user_namespace(pid);
  }
  if (userns < 0)
    return fail(why, errno == ENOENT ? ESRCH : errno, "look at container %s", name);
  /* It is there still: the number was its own when we looked. */
  if (has_ended(pidfd))
    return fail(why, ESRCH, "find container %s", name);
  if (exec->cgroup >= 0)
    (void) close(exec->cgroup);
  exec->cgroup = cgroup_open_of(pid);
  if (exec->target >= 0)
    (void) close(exec->target);
  exec->target = steal_fd(&pidfd);
  *ret_userns = steal_fd(&userns);
  return 0;
}

static bool is_ours(int userns) {
  struct stat status, own;

  return fstat(userns, &status) == 0 && stat("/proc/self/ns/user", &own) == 0 &&
         status.st_ino == own.st_ino && status.st_dev == own.st_dev;
}

/* Root of it may enter all that was made in it. Hidden first: what runs there already may look into
 * all that come. */
static int enter_parent(int userns, struct failure *why) {
  if (prctl(PR_SET_DUMPABLE, 0) < 0)
    return fail(why, errno, "hide");
  if (is_ours(userns))
    return 0; /* the keeper's, of a container that shares that of another */
  autoclose int parent = ioctl(userns, NS_GET_PARENT);
  if (parent < 0)
    return fail(why, errno, "find the user namespace around the container's");
  if (!is_ours(parent) && setns(parent, CLONE_NEWUSER) < 0)
    return fail(why, errno, "enter the user namespace around the container's");
  return prctl(PR_SET_DUMPABLE, 0) < 0 ? fail(why, errno, "hide") : 0;
}

static int enter(struct exec *exec, uint64_t *ret_namespaces, struct failure *why) {
  const struct operation *join = plan_find(exec->plan, PLAN_JOIN);
  autoclose int userns = -1;
  autoclose int same = -1;
  int r;

  if (join == NULL)
    return fail(why, EINVAL, "the plan names no container");
  r = find_target(exec, join->arguments, &userns, why);
  if (r < 0)
    return r;
  r = enter_parent(userns, why);
  if (r < 0)
    return r;
  r = find_target(exec, join->arguments, &same, why); /* root of the machine could ask more */
  if (r < 0)
    return r;
  uint64_t namespaces = join->arguments[1].number;
  if (is_ours(same)) /* nobody enters it twice */
    namespaces &= ~(uint64_t) CLONE_NEWUSER;
  if ((namespaces & CLONE_NEWPID) != 0 && setns(exec->target, CLONE_NEWPID) < 0)
    return fail(why, errno, "enter the pid namespace of container %s", join->arguments[2].text);
  *ret_namespaces = namespaces & ~(uint64_t) CLONE_NEWPID;
  return 0;
}

/* What is looked up on this machine has to be before we leave it. */
static int prepare(const struct plan *plan, struct command *command, struct failure *why) {
  const struct operation *filter = plan_find(plan, PLAN_SECCOMP);
  const char *score = plan_text(plan, PLAN_OOM_SCORE_ADJ);

  if (score != NULL && fd_write_file(AT_FDCWD, "/proc/self/oom_score_adj", score, why) < 0)
    return fail_in_step(why, "oom-score-adj");
  if (filter == NULL)
    return 0;
  if (seccomp_filter_read(filter->arguments[0].text, &command->filter, why) < 0)
    return fail_in_step(why, "seccomp");
  return 0;
}

/* Where the container has a control group of its own, what runs in it is counted and frozen there;
 * but for what comes from a session from which nobody may move there: the kernel asks for the right
 * to write to the group above both (cgroups(7)). */
static pid_t fork_into(int cgroup) {
  struct clone_args arguments = {.exit_signal = SIGCHLD};

  if (cgroup >= 0) {
    arguments.flags = CLONE_INTO_CGROUP;
    arguments.cgroup = (unsigned) cgroup;
  }
  const pid_t pid = (pid_t) sys_clone3(&arguments);
  return pid < 0 && errno == EACCES && cgroup >= 0 ? fork_into(-1) : pid;
}

static int fork_head(struct exec *exec, const struct exec_start *start, int ours[2],
                     struct failure *why) {
  const pid_t pid = fork_into(exec->cgroup);

  if (pid < 0)
    return fail(why, errno, "fork");
  if (pid == 0) {
    (void) close(ours[0]);
    (void) close(ours[1]);
    exec_lead(start);
  }
  exec->head = pid;
  return 0;
}

/* Until `fd` has something to say, unless the owner has gone. */
static int await(const struct exec *exec, int fd, struct failure *why) {
  struct pollfd polled[] = {{.fd = fd, .events = POLLIN}, {.fd = exec->owner}};

  while (poll(polled, 2, -1) < 0)
    if (errno != EINTR)
      return fail(why, errno, "wait for the command");
  return polled[1].revents == 0 ? 0 : fail(why, ECANCELED, "start: nobody waits for it");
}

static int take_terminal(const struct exec *exec, int sync, struct failure *why) {
  int master = -1;

  if (plan_find(exec->plan, PLAN_TERMINAL) == NULL)
    return 0;
  if (await(exec, sync, why) < 0 || sync_expect_fd(sync, SYNC_TERMINAL, &master, why) < 0)
    return -why->errnum;
  const int r = streams_take_terminal(exec->streams, master, exec->size, why);
  return r < 0 ? fail_in_step(why, "terminal") : 0;
}

static int hand_over(struct exec *exec, int sync, struct failure *why) {
  int r;

  r = take_terminal(exec, sync, why);
  if (r < 0)
    return r;
  if (await(exec, sync, why) < 0)
    return -why->errnum;
  r = sync_expect(sync, SYNC_READY, why);
  if (r < 0)
    return r;
  if (await(exec, exec->report, why) < 0)
    return -why->errnum;
  r = fd_receive(exec->report, &exec->pidfd, why);
  if (r < 0)
    return r;
  r = sync_send(sync, SYNC_PROCEED, why);
  if (r < 0)
    return r;
  if (await(exec, sync, why) < 0) {
    exec_end(exec); /* it may have begun */
    return -why->errnum;
  }
  return sync_expect_exec(sync, why);
}

static void reap_head(struct exec *exec) {
  (void) kill(exec->head, SIGKILL); /* not reaped: the number is its own */
  while (waitpid(exec->head, NULL, 0) < 0 && errno == EINTR)
    continue;
  exec->head = 0;
}

static int start(struct exec *exec, uint64_t namespaces, struct command *command,
                 struct failure *why) {
  autoclose int ours = -1;
  autoclose int theirs = -1;
  int report[2];
  int r;

  r = sync_open(&ours, &theirs, why);
  if (r < 0)
    return r;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, report) < 0)
    return fail(why, errno, "create a socket");
  exec->report = report[0];
  autoclose int heads = report[1];
  const struct exec_start inside = {
      .plan = exec->plan,
      .command = command,
      .target = exec->target,
      .namespaces = namespaces,
      .sync = theirs,
      .report = heads,
      .proc = exec->proc,
  };
  r = fork_head(exec, &inside, (int[]){ours, report[0]}, why);
  if (r < 0)
    return r;
  (void) close(steal_fd(&theirs));
  (void) close(steal_fd(&heads));
  return hand_over(exec, ours, why);
}

/* The command has executed nothing, and ends with the conversation; its head sees to it. */
static void give_up(struct exec *exec) {
  struct pollfd polled = {.fd = exec->report, .events = POLLIN};
  struct exec_status told;
  ssize_t n = 0;

  while (exec->head > 0 && poll(&polled, 1, REPORT_MS) > 0) {
    n = recv(exec->report, &told, sizeof told, MSG_DONTWAIT);
    if (n <= 0 || n == sizeof told)
      break;
  }
  exec_leave(exec);
}

/* While the end of a container is under way, nothing can be started in it any more, and what has
 * been is killed: that is seen a moment before the end itself, which waits until all are reaped. */
static int give_up_because(struct exec *exec, struct failure *why) {
  autoclose int target = exec->target < 0 ? -1 : fcntl(exec->target, F_DUPFD_CLOEXEC, 0);
  struct pollfd polled = {.fd = target, .events = POLLIN};
  const bool is_likely = why->errnum == ENOMEM || why->errnum == EPIPE || why->errnum == EPROTO;

  give_up(exec);
  if (target >= 0 && (has_ended(target) || (is_likely && poll(&polled, 1, EXEC_END_MS) > 0)))
    return fail(why, ESRCH, "run a command: the container has ended");
  return -why->errnum;
}

int exec_start(struct exec *exec, struct failure *why) {
  /* static: an identity alone is 8 KiB, and it is put together once. */
  static struct command command;
  uint64_t namespaces = 0;
  int r;

  command = (struct command) COMMAND_NONE;
  exec->target = exec->cgroup = exec->report = exec->pidfd = -1;
  exec->head = 0;
  exec->is_over = false;
  exec->proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (exec->proc < 0)
    return fail(why, errno, "open /proc");
  r = prepare(exec->plan, &command, why);
  if (r == 0 && (r = enter(exec, &namespaces, why)) < 0)
    (void) fail_in_step(why, "join");
  if (r == 0)
    r = start(exec, namespaces, &command, why);
  return r < 0 ? give_up_because(exec, why) : 0;
}

/* What it tells, or nothing: then it was killed, and the command with it. */
void exec_collect(struct exec *exec) {
  struct exec_status told;

  if (recv(exec->report, &told, sizeof told, MSG_DONTWAIT) != sizeof told) {
    (void) sys_pidfd_send_signal(exec->pidfd, SIGKILL);
    told.status = SIGKILL;
  }
  exec->status = told.status;
  exec->is_over = true;
}

void exec_end(struct exec *exec) {
  struct pollfd polled = {.fd = exec->report, .events = POLLIN};

  if (exec->is_over)
    return;
  (void) family_end(exec->proc, exec->head);
  (void) kill(exec->head, SIGCONT);
  if (poll(&polled, 1, REPORT_MS) <= 0)
    (void) kill(exec->head, SIGKILL);
  exec_collect(exec);
}

static void close_all(struct exec *exec) {
  int *const fds[] = {&exec->target, &exec->cgroup, &exec->report, &exec->pidfd, &exec->proc};

  for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
    if (*fds[i] >= 0)
      (void) close(*fds[i]);
    *fds[i] = -1;
  }
}

void exec_leave(struct exec *exec) {
  struct pollfd polled = {.fd = exec->report};
  const char word = EXEC_LEAVE;

  if (exec->head > 0) {
    (void) send(exec->report, &word, sizeof word, MSG_NOSIGNAL);
    (void) poll(&polled, 1, REPORT_MS);
    reap_head(exec);
  }
  close_all(exec);
}

int exec_exit_code(const struct failure *why) {
  if (strcmp(why->step, "exec") != 0)
    return 126;
  return why->errnum == ENOENT || why->errnum == ENOTDIR ? 127 : 126;
}
