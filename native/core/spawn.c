#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "syscalls.h"

/* P_PIDFD of waitid(2), Linux 5.4; older headers lack it. */
#define WAIT_PIDFD 3

/* Copies above every target, so that no dup2() overwrites what a later one reads. */
static int lift(const struct spawn_request *request, int lifted[], struct failure *why) {
  for (size_t i = 0; i < request->fd_count; i++) {
    if (request->fds[i] < 0)
      continue;
    lifted[i] = fcntl(request->fds[i], F_DUPFD_CLOEXEC, (int) request->fd_count);
    if (lifted[i] < 0)
      return fail(why, errno, "copy descriptor %d", request->fds[i]);
  }
  return 0;
}

static int describe_files(const struct spawn_request *request, const int lifted[],
                          posix_spawn_file_actions_t *actions) {
  for (size_t i = 0; i < request->fd_count; i++) {
    const int r = lifted[i] < 0
                      ? posix_spawn_file_actions_addopen(actions, (int) i, "/dev/null", O_RDWR, 0)
                      : posix_spawn_file_actions_adddup2(actions, lifted[i], (int) i);
    if (r != 0)
      return r;
  }
  return 0;
}

static int describe_signals(posix_spawnattr_t *attributes) {
  sigset_t all, none;
  int r;

  sigfillset(&all);
  sigemptyset(&none);
  r = posix_spawnattr_setsigdefault(attributes, &all);
  if (r == 0)
    r = posix_spawnattr_setsigmask(attributes, &none);
  if (r == 0)
    r = posix_spawnattr_setflags(
        attributes, (short) (POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID));
  return r;
}

static int spawn_with(const struct spawn_request *request, const int lifted[], pid_t *ret_pid) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  int r;

  r = posix_spawn_file_actions_init(&actions);
  if (r != 0)
    return r;
  r = posix_spawnattr_init(&attributes);
  if (r == 0) {
    r = describe_files(request, lifted, &actions);
    if (r == 0)
      r = describe_signals(&attributes);
    if (r == 0)
      r = posix_spawn(ret_pid, request->path, &actions, &attributes, request->argv,
                      request->environment);
    (void) posix_spawnattr_destroy(&attributes);
  }
  (void) posix_spawn_file_actions_destroy(&actions);
  return r;
}

int spawn_start(const struct spawn_request *request, struct spawned *ret_spawned,
                struct failure *why) {
  int lifted[SPAWN_MAX_FDS];
  pid_t pid = -1;
  int r;

  if (request->fd_count > SPAWN_MAX_FDS)
    return fail(why, EINVAL, "start %s: more than %d descriptors", request->path, SPAWN_MAX_FDS);
  for (size_t i = 0; i < SPAWN_MAX_FDS; i++)
    lifted[i] = -1;
  r = lift(request, lifted, why);
  if (r == 0) {
    const int errnum = spawn_with(request, lifted, &pid);

    if (errnum != 0)
      r = fail(why, errnum, "start %s", request->path);
  }
  for (size_t i = 0; i < SPAWN_MAX_FDS; i++)
    if (lifted[i] >= 0)
      (void) close(lifted[i]);
  if (r < 0)
    return r;

  ret_spawned->pid = pid;
  ret_spawned->pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
  if (ret_spawned->pidfd >= 0)
    return 0;
  const int errnum = errno; /* it is our child and not reaped: the pid is still its own */
  (void) kill(pid, SIGKILL);
  (void) waitpid(pid, NULL, 0);
  return fail(why, errnum, "open a pidfd");
}

int spawn_reap(int pidfd, int *ret_exit_code, int *ret_signal, struct failure *why) {
  siginfo_t info = {0};

  if (waitid((idtype_t) WAIT_PIDFD, (id_t) pidfd, &info, WEXITED | WNOHANG) < 0)
    return fail(why, errno, "wait for a helper");
  if (info.si_pid == 0)
    return 0;
  *ret_exit_code = info.si_code == CLD_EXITED ? info.si_status : 0;
  *ret_signal = info.si_code == CLD_EXITED ? 0 : info.si_status;
  return 1;
}
