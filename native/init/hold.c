/* hold.c — `hold LIVE NAME FILE`: the processes of a container stand still until somebody lets them
 * go on: `resume LIVE NAME FILE`.
 *
 * LIVE is the container's file in live/, NAME what it is called. FILE gets the numbers of those
 * that stood still before: they go on doing so. It is written first, so that whoever is killed
 * half-way leaves nothing that the other verb does not put right.
 *
 * The event `turn` says that nobody else pauses or continues the container now, and that we wait
 * for Node to say `go`: it looks whether there is something to do, and notes it. In the end
 * the event `held` or `resumed` says how many processes there were. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/fd.h"
#include "namespaces.h"
#include "report.h"
#include "residents.h"
#include "turn.h"
#include "verb.h"

/* A line for each: its number and its start. */
static int write_still(const char *path, const struct residents *still, struct failure *why) {
  autoclose int file = -1;

  if (still->count == 0) {
    if (unlink(path) < 0 && errno != ENOENT)
      return fail(why, errno, "remove %s", path);
    return 0;
  }
  file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0)
    return fail(why, errno, "make %s", path);
  for (size_t i = 0; i < still->count; i++) {
    const struct resident *one = &still->stopped[i];
    char line[64];
    const int size = snprintf(line, sizeof line, "%d %lld\n", (int) one->pid, one->start);
    const int r = fd_write_all(file, line, (size_t) size, why);

    if (r < 0)
      return r;
  }
  return 0;
}

enum { STILL_MAX_BYTES = 16 << 20 };

static int leave_out_still(const char *path, struct residents *residents, struct failure *why) {
  autofree char *text = NULL;
  size_t size = 0;
  const int r = fd_read_file(AT_FDCWD, path, STILL_MAX_BYTES, &text, &size, why);

  if (r < 0)
    return why->errnum == ENOENT ? 0 : r;
  for (const char *line = text; line != NULL && *line != '\0';) {
    int pid = 0;
    long long start = 0;

    if (sscanf(line, "%d %lld", &pid, &start) == 2)
      residents_drop(residents, (pid_t) pid, start);
    line = strchr(line, '\n');
    line = line == NULL ? NULL : line + 1;
  }
  return 0;
}

/* Node says `go`; anything else, its end, or a signal is a change of mind. */
static int await_go(int signals, struct failure *why) {
  struct pollfd polled[] = {{.fd = FD_EVENTS, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
  char word[8] = "";
  struct report report = report_open("turn");

  report_send(&report);
  while (poll(polled, sizeof polled / sizeof *polled, -1) < 0 && errno == EINTR)
    continue;
  if (polled[1].revents != 0 || read(FD_EVENTS, word, sizeof word - 1) < 0 ||
      strncmp(word, "go", 2) != 0)
    return fail(why, ECANCELED, "wait for Node");
  return 0;
}

struct request {
  const char *live;
  const char *name;
  const char *file;
};

typedef int (*deed_function)(const struct residents_home *home, const struct request *request,
                             size_t *ret_count, struct failure *why);

static int hold(const struct residents_home *home, const struct request *request, size_t *ret_count,
                struct failure *why) {
  struct residents residents = {0};

  if (residents_find_still(home, &residents, why) < 0)
    return -why->errnum;
  const int r = write_still(request->file, &residents, why);
  residents_forget(&residents);
  if (r < 0 || residents_stop(home, &residents, why) < 0)
    return -why->errnum;
  *ret_count = residents.count;
  residents_forget(&residents);
  return 0;
}

static int resume(const struct residents_home *home, const struct request *request,
                  size_t *ret_count, struct failure *why) {
  struct residents residents = {0};

  if (residents_find_still(home, &residents, why) < 0)
    return -why->errnum;
  if (leave_out_still(request->file, &residents, why) < 0) {
    residents_forget(&residents);
    return -why->errnum;
  }
  *ret_count = residents.count;
  residents_continue(&residents);
  (void) unlink(request->file);
  return 0;
}

static int do_in_turn(const struct request *request, deed_function deed, size_t *ret_count,
                      struct failure *why) {
  struct residents_home home;
  autoclose int signals = turn_watch_signals(why);
  autoclose int turn = -1;
  autoclose int pidfd = -1;
  pid_t first = 0;

  if (signals < 0 || turn_await(request->live, signals, &turn, why) < 0 ||
      await_go(signals, why) < 0 ||
      namespaces_find(request->live, request->name, &first, &pidfd, why) < 0)
    return -why->errnum;
  (void) residents_find_home(first, &home);
  return deed(&home, request, ret_count, why);
}

static int carry_out(int argc, char *argv[], deed_function deed, const char *event,
                     struct failure *why) {
  size_t count = 0;

  if (argc != 3)
    return fail(why, EINVAL, "takes a live file, a name and a path");
  const struct request request = {.live = argv[0], .name = argv[1], .file = argv[2]};
  turn_raise_limit();
  const int r = do_in_turn(&request, deed, &count, why);
  if (r < 0)
    return r;
  struct report report = report_open(event);
  report_number(&report, "processes", (long long) count);
  report_send(&report);
  return 0;
}

int hold_main(int argc, char *argv[], struct failure *why) {
  return carry_out(argc, argv, hold, "held", why);
}

int resume_main(int argc, char *argv[], struct failure *why) {
  return carry_out(argc, argv, resume, "resumed", why);
}
