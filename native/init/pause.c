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
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "cgroup.h"
#include "namespaces.h"
#include "report.h"
#include "residents.h"
#include "turn.h"
#include "verb.h"

/* Until Node says anything, or is no more; or a signal comes. */
static void await_end(int signals) {
  struct pollfd polled[] = {{.fd = FD_EVENTS, .events = POLLIN}, {.fd = signals, .events = POLLIN}};

  while (poll(polled, sizeof polled / sizeof *polled, -1) < 0 && errno == EINTR)
    continue;
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

/* Returns how many stand still. In a freezer, where nobody can be told to stop, all of them do. */
static int stop(const struct request *request, struct residents *ret_residents,
                struct failure *why) {
  struct residents_home home;
  autoclose int pidfd = -1;
  pid_t first = 0;

  if (namespaces_find(request->live, request->name, &first, &pidfd, why) < 0)
    return -why->errnum;
  const pid_t open_one = residents_find_home(first, &home);
  const bool is_frozen = cgroup_is_frozen(first);
  if (!is_frozen && residents_stop(&home, ret_residents, why) < 0)
    return -why->errnum;
  if (!request->has_sync || open_one == 0 || sync_root(open_one, why) == 0)
    return is_frozen ? 1 : (int) ret_residents->count;
  residents_continue(ret_residents);
  return -why->errnum;
}

int pause_main(int argc, char *argv[], struct failure *why) {
  struct residents residents = {0};

  if (argc < 2 || argc > 3 || (argc == 3 && strcmp(argv[2], "sync") != 0))
    return fail(why, EINVAL, "pause takes a live file, a name and perhaps `sync`");
  const struct request request = {.live = argv[0], .name = argv[1], .has_sync = argc == 3};
  turn_raise_limit();
  autoclose int signals = turn_watch_signals(why);
  autoclose int turn = -1;
  if (signals < 0 || turn_await(request.live, signals, &turn, why) < 0)
    return -why->errnum;
  const int r = stop(&request, &residents, why);
  if (r < 0 && why->errnum != ESRCH)
    return r;
  struct report report = report_open("paused");
  report_number(&report, "processes", r < 0 ? 0 : r);
  report_send(&report);
  await_end(signals);
  residents_continue(&residents);
  return 0;
}
