#include "turn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "verb.h"

enum { TURN_MS = 5 };

int turn_watch_signals(struct failure *why) {
  static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
  sigset_t watched;

  sigemptyset(&watched);
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
    sigaddset(&watched, signals[i]);
  (void) sigprocmask(SIG_BLOCK, &watched, NULL);
  const int fd = signalfd(-1, &watched, SFD_CLOEXEC);
  return fd < 0 ? fail(why, errno, "watch for signals") : fd;
}

void turn_raise_limit(void) {
  struct rlimit limit;

  if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
    return;
  limit.rlim_cur = limit.rlim_max;
  (void) setrlimit(RLIMIT_NOFILE, &limit);
}

int turn_await(const char *live, int signals, int *ret_turn, struct failure *why) {
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
