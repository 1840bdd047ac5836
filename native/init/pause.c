/* pause.c — `pause LIVE NAME [sync]`: the processes of a container that runs stand still until Node
 * says anything, or is no more.
 *
 * LIVE is the container's file in live/, NAME what it is called. With `sync` what they wrote to the
 * root file system goes to where it is kept: fuse-overlayfs has it in memory until then. When all
 * of them stand still the event `paused` says how many, 0 for a container that does not run. From
 * then on we only wait for something on the socket, or its end, and continue them: a Node that is
 * killed leaves no container asleep. Of several that pause one container each has its turn. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "namespaces.h"
#include "report.h"
#include "residents.h"
#include "verb.h"

enum { TURN_MS = 5 };

/* Of what ends us politely we do not die: it ends the wait. */
static int watch_signals(struct failure *why) {
  static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
  sigset_t watched;

  sigemptyset(&watched);
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
    sigaddset(&watched, signals[i]);
  (void) sigprocmask(SIG_BLOCK, &watched, NULL);
  const int fd = signalfd(-1, &watched, SFD_CLOEXEC);
  return fd < 0 ? fail(why, errno, "watch for signals") : fd;
}

/* Until Node says anything, or is no more; or a signal comes. */
static void await_end(int signals) {
  struct pollfd polled[] = {{.fd = FD_EVENTS, .events = POLLIN}, {.fd = signals, .events = POLLIN}};

  while (poll(polled, sizeof polled / sizeof *polled, -1) < 0 && errno == EINTR)
    continue;
}

/* A descriptor for each process: as many as may be. */
static void raise_limit(void) {
  struct rlimit limit;

  if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
    return;
  limit.rlim_cur = limit.rlim_max;
  (void) setrlimit(RLIMIT_NOFILE, &limit);
}

/* Who paused it before us continues all of it some time, what we rely on too: so we wait for that.
 * A lock on the file in live/ that the kernel drops with its holder, none of flock(2)'s,
 * which the keeper has. Into `ret_turn`, or -1 where there is nothing to lock. */
static int await_turn(const char *live, int signals, int *ret_turn, struct failure *why) {
  struct pollfd polled[] = {{.fd = FD_EVENTS, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  autoclose int turn = open(live, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

  while (turn >= 0 && fcntl(turn, F_OFD_SETLK, &whole) < 0) {
    if (errno != EAGAIN && errno != EACCES)
      break; /* a file system without locks */
    if (poll(polled, sizeof polled / sizeof *polled, TURN_MS) > 0)
      return fail(why, ECANCELED, "wait for another pause");
  }
  *ret_turn = steal_fd(&turn);
  return 0;
}

/* Into `ret_home`, where that process lets itself be looked at. */
static bool look_at(pid_t pid, struct residents_home *ret_home) {
  char path[40];
  struct stat status;

  (void) snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int) pid);
  if (stat(path, &status) < 0)
    return false;
  ret_home->device = status.st_dev;
  ret_home->inode = status.st_ino;
  return true;
}

/* Returns the process that was looked at. A first process of ours (init/reaper.h) hides: then it
 * is a child of it, or 0 where there is none, and nobody is in its mount namespace but what
 * descends from it. */
static pid_t find_home(pid_t first, struct residents_home *ret_home) {
  char path[64];
  int child = 0;
  bool is_found = false;

  *ret_home = (struct residents_home){.first = first};
  if (look_at(first, ret_home))
    return first;
  (void) snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int) first, (int) first);
  FILE *children = fopen(path, "re");
  while (children != NULL && !is_found && fscanf(children, "%d", &child) == 1)
    is_found = look_at(child, ret_home);
  if (children != NULL)
    (void) fclose(children);
  return is_found ? child : 0;
}

static int sync_root(pid_t pid, struct failure *why) {
  char path[40];

  (void) snprintf(path, sizeof path, "/proc/%d/root", (int) pid);
  autoclose int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root < 0 || syncfs(root) < 0)
    return fail(why, errno, "write out what process %d wrote", (int) pid);
  return 0;
}

struct request {
  const char *live;
  const char *name;
  bool has_sync;
};

static int stop(const struct request *request, struct residents *ret_residents,
                struct failure *why) {
  struct residents_home home;
  autoclose int pidfd = -1;
  pid_t first = 0;

  if (namespaces_find(request->live, request->name, &first, &pidfd, why) < 0)
    return -why->errnum;
  const pid_t open_one = find_home(first, &home);
  if (residents_stop(&home, ret_residents, why) < 0)
    return -why->errnum;
  if (!request->has_sync || open_one == 0 || sync_root(open_one, why) == 0)
    return 0;
  residents_continue(ret_residents);
  return -why->errnum;
}

int pause_main(int argc, char *argv[], struct failure *why) {
  struct residents residents = {0};

  if (argc < 2 || argc > 3 || (argc == 3 && strcmp(argv[2], "sync") != 0))
    return fail(why, EINVAL, "pause takes a live file, a name and perhaps `sync`");
  const struct request request = {.live = argv[0], .name = argv[1], .has_sync = argc == 3};
  raise_limit();
  autoclose int signals = watch_signals(why);
  autoclose int turn = -1;
  if (signals < 0 || await_turn(request.live, signals, &turn, why) < 0)
    return -why->errnum;
  const int r = stop(&request, &residents, why);
  if (r < 0 && why->errnum != ESRCH)
    return r;
  struct report report = report_open("paused");
  report_number(&report, "processes", (long long) residents.count);
  report_send(&report);
  await_end(signals);
  residents_continue(&residents);
  return 0;
}
