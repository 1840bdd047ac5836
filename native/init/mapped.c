/* mapped.c — `mapped MODE UIDS GIDS`: make the user namespace that an engine works in.
 *
 * A child is cloned into it and holds it open while its maps are written, the way MODE says:
 * helpers (newuidmap and newgidmap), direct (CAP_SETUID here) or single (one id, setgroups
 * denied). Its descriptor goes to Node over the socket at FD_EXTRA; the child ends, the namespace
 * stays as long as the descriptor does. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/fd.h"
#include "../core/syscalls.h"
#include "../core/userns.h"
#include "report.h"
#include "verb.h"

/* The child waits for the end of this pipe, which is also our death. */
static _Noreturn void hold(int pipe_end) {
  char byte;

  while (read(pipe_end, &byte, 1) < 0 && errno == EINTR)
    continue;
  _exit(EXIT_SUCCESS);
}

static int write_maps(const char *mode, pid_t pid, struct id_maps *maps, struct failure *why) {
  if (strcmp(mode, "helpers") == 0)
    return userns_call_helpers(pid, maps, why);
  if (strcmp(mode, "direct") != 0 && strcmp(mode, "single") != 0)
    return fail(why, EINVAL, "unknown mode %s", mode);
  maps->deny_setgroups = strcmp(mode, "single") == 0;
  return userns_write_maps(pid, maps, why);
}

static int hand_over(pid_t pid, struct failure *why) {
  char path[64];
  int r;

  (void) snprintf(path, sizeof path, "/proc/%d/ns/user", (int) pid);
  autoclose int namespace = open(path, O_RDONLY | O_CLOEXEC);
  if (namespace < 0)
    return fail(why, errno, "open %s", path);

  r = fd_send(FD_EXTRA, namespace, why);
  if (r < 0)
    return r;
  struct report report = report_open("mapped");
  report_send(&report);
  return 0;
}

int mapped_main(int argc, char *argv[], struct failure *why) {
  int ends[2];
  int r;

  if (argc != 3)
    return fail(why, EINVAL, "mapped takes a mode, uids and gids");
  if (pipe2(ends, O_CLOEXEC) < 0)
    return fail(why, errno, "create a pipe");
  autoclose int theirs = ends[0];
  autoclose int ours = ends[1];

  struct clone_args arguments = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
  const pid_t pid = sys_clone3(&arguments);
  if (pid < 0)
    return fail(why, errno, "clone a user namespace");
  if (pid == 0) {
    (void) close(steal_fd(&ours));
    hold(theirs);
  }

  struct id_maps maps = {.uids = argv[1], .gids = argv[2]};
  r = write_maps(argv[0], pid, &maps, why);
  if (r == 0)
    r = hand_over(pid, why);
  (void) close(steal_fd(&ours));
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
    continue;
  return r;
}
