#include "userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"
#include "syscalls.h"

extern char **environ;

/* The kernel takes 340 lines of three numbers (Linux 4.15). */
#define MAX_WORDS (3 * 340)

static int write_proc(pid_t pid, const char *name, const char *text, struct failure *why) {
  char path[64];

  snprintf(path, sizeof path, "/proc/%d/%s", (int) pid, name);
  return fd_write_file(AT_FDCWD, path, text, why);
}

int userns_write_maps(pid_t pid, const struct id_maps *maps, struct failure *why) {
  int r;

  r = write_proc(pid, "uid_map", maps->uids, why);
  if (r < 0)
    return r;

  if (maps->deny_setgroups) { /* before gid_map: without CAP_SETGID the kernel insists */
    r = write_proc(pid, "setgroups", "deny", why);
    if (r < 0)
      return r;
  }
  return write_proc(pid, "gid_map", maps->gids, why);
}

static int start_helper(const char *name, pid_t target, const char *map, pid_t *ret_pid,
                        struct failure *why) {
  char pid_text[16];
  autofree char *words = strdup(map);
  autofree char **argv = calloc(MAX_WORDS + 3, sizeof *argv);
  size_t argc = 0;
  char *rest = NULL;
  int r;

  if (words == NULL || argv == NULL)
    return fail(why, ENOMEM, "start %s", name);
  snprintf(pid_text, sizeof pid_text, "%d", (int) target);
  argv[argc++] = (char *) (uintptr_t) name; /* posix_spawn does not write to it */
  argv[argc++] = pid_text;
  for (char *word = strtok_r(words, " \n", &rest); word != NULL && argc < MAX_WORDS + 2;
       word = strtok_r(NULL, " \n", &rest))
    argv[argc++] = word;

  r = posix_spawnp(ret_pid, name, NULL, NULL, argv, environ);
  return r == 0 ? 0 : fail(why, r, "start %s", name);
}

static int wait_helper(const char *name, pid_t pid, struct failure *why) {
  int status;

  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR)
      return fail(why, errno, "wait for %s", name);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return 0;
  return fail(why, EPERM, "%s refused the map (status %d)", name, WEXITSTATUS(status));
}

int userns_call_helpers(pid_t pid, const struct id_maps *maps, struct failure *why) {
  struct failure of_gids = {0};
  pid_t uids, gids;
  int r;

  r = start_helper("newuidmap", pid, maps->uids, &uids, why);
  if (r < 0)
    return r;
  const int started = start_helper("newgidmap", pid, maps->gids, &gids, &of_gids);

  r = wait_helper("newuidmap", uids, why);
  if (started == 0)
    (void) wait_helper("newgidmap", gids, &of_gids);
  if (r < 0 || of_gids.errnum == 0)
    return r;
  *why = of_gids;
  return -why->errnum;
}

/* Holds the namespace until `pipe_end` is closed, which is also our death. */
static _Noreturn void hold(int pipe_end) {
  char byte;

  while (read(pipe_end, &byte, 1) < 0 && errno == EINTR)
    continue;
  _exit(EXIT_SUCCESS);
}

static int open_of(pid_t pid, int *ret_fd, struct failure *why) {
  char path[64];

  (void) snprintf(path, sizeof path, "/proc/%d/ns/user", (int) pid);
  *ret_fd = open(path, O_RDONLY | O_CLOEXEC);
  return *ret_fd < 0 ? fail(why, errno, "open %s", path) : 0;
}

int userns_make(const struct id_maps *maps, int *ret_fd, struct failure *why) {
  struct clone_args arguments = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
  int ends[2];

  if (pipe2(ends, O_CLOEXEC) < 0)
    return fail(why, errno, "create a pipe");
  autoclose int theirs = ends[0];
  autoclose int ours = ends[1];
  const pid_t pid = sys_clone3(&arguments);
  if (pid < 0)
    return fail(why, errno, "clone a user namespace");
  if (pid == 0) {
    (void) close(ours);
    hold(theirs);
  }
  int r = userns_write_maps(pid, maps, why);
  if (r == 0)
    r = open_of(pid, ret_fd, why);
  (void) close(steal_fd(&ours));
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
    continue;
  return r;
}

int userns_become_root(struct failure *why) {
  if ((getegid() != 0 && setresgid(0, 0, 0) < 0) || (geteuid() != 0 && setresuid(0, 0, 0) < 0))
    return fail(why, errno, "become root of the user namespace");
  return 0;
}
