#include "watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/clock.h"
#include "../core/syscalls.h"
#include "announce.h"
#include "health.h"
#include "orders.h"
#include "streams.h"

enum { POLLED_END, POLLED_NODE, POLLED_SIGNALS, POLLED_NETWORK, POLLED_HEALTH, POLLED_STREAMS };

enum { POLLED = POLLED_STREAMS + STREAMS_POLLED };

/* For good. */
static void end_by_force(struct keeper *keeper) {
  keeper->restart.is_ending = true;
  keeper->restart.again = false;
  if (keeper->pidfd >= 0)
    (void) sys_pidfd_send_signal(keeper->pidfd, SIGKILL);
}

/* SIGTERM; or a process has become ours, and has ended. */
static void heed(struct keeper *keeper) {
  struct signalfd_siginfo signal;
  pid_t spared[KEEPER_MAX_COMPANIONS + 1] = {keeper->pid};

  if (read(keeper->signals, &signal, sizeof signal) != sizeof signal)
    return;
  if (signal.ssi_signo != SIGCHLD) {
    end_by_force(keeper);
    return;
  }
  keeper_list_companions(keeper, spared + (keeper->pid > 0 ? 1 : 0));
  leftovers_reap(spared);
}

/* A session that ends, a terminal that hangs up: not ours to die of. SIGTERM ends the container
 * first, and then us. */
static int watch_signals(struct keeper *keeper, struct failure *why) {
  sigset_t watched;

  if (keeper->signals >= 0)
    return 0;
  (void) signal(SIGHUP, SIG_IGN);
  (void) signal(SIGINT, SIG_IGN);
  (void) signal(SIGQUIT, SIG_IGN);
  (void) signal(SIGPIPE, SIG_IGN);
  sigemptyset(&watched);
  sigaddset(&watched, SIGTERM);
  if (keeper->leftovers.inode != 0)
    sigaddset(&watched, SIGCHLD);
  (void) sigprocmask(SIG_BLOCK, &watched, NULL);
  keeper->signals = signalfd(-1, &watched, SFD_CLOEXEC);
  return keeper->signals < 0 ? fail(why, errno, "watch for signals") : 0;
}

/* Node is gone, whatever it died of, and with it who would put back the terminal that it made raw.
 */
static void outlive_owner(struct keeper *keeper) {
  keeper->node = -1;
  if (keeper->is_detached)
    return;
  end_by_force(keeper);
  keeper_restore_host_terminal(keeper);
}

/* The container goes on without; once it has ended, there is nothing to tell. */
static void lose_network(struct keeper *keeper, bool has_ended) {
  network_note_loss(&keeper->network);
  if (!has_ended)
    announce_network(keeper);
}

/* -1 is never. */
static int shorter(int one_ms, int other_ms) {
  return one_ms < 0 || (other_ms >= 0 && other_ms < one_ms) ? other_ms : one_ms;
}

static int earlier(int one_ms, int64_t other_at_ms) {
  const int64_t left = other_at_ms - clock_ms();
  const int other_ms = left > 0 ? (int) left : 0;

  return one_ms >= 0 && one_ms < other_ms ? one_ms : other_ms;
}

static nfds_t prepare(struct keeper *keeper, struct pollfd polled[static POLLED], int64_t until_ms,
                      int *ret_timeout) {
  nfds_t count = 0;
  int timeout = streams_watch(keeper->streams, polled + POLLED_STREAMS, &count);

  timeout = shorter(timeout, health_watch(keeper->health, polled + POLLED_HEALTH));
  if (until_ms > 0)
    timeout = earlier(timeout, until_ms);
  if (keeper->kill_at_ms > 0)
    timeout = earlier(timeout, keeper->kill_at_ms);
  polled[POLLED_END] = (struct pollfd){.fd = keeper->pidfd, .events = POLLIN};
  polled[POLLED_NODE] = (struct pollfd){.fd = keeper->node, .events = POLLIN};
  polled[POLLED_SIGNALS] = (struct pollfd){.fd = keeper->signals, .events = POLLIN};
  polled[POLLED_NETWORK] = (struct pollfd){.fd = keeper->network.companion.pidfd, .events = POLLIN};
  *ret_timeout = timeout;
  return POLLED_STREAMS + count;
}

/* Wait once for whatever happens next, but not beyond `until_ms` (0: for ever). */
static int turn(struct keeper *keeper, struct pollfd polled[static POLLED], int64_t until_ms,
                struct failure *why) {
  int timeout = -1;
  const nfds_t count = prepare(keeper, polled, until_ms, &timeout);

  if (poll(polled, count, timeout) < 0) {
    polled[POLLED_END].revents = 0; /* what it said before is not what is so now */
    return errno == EINTR ? 0 : fail(why, errno, "wait for the container");
  }
  if (polled[POLLED_NODE].revents != 0 && !orders_read(keeper))
    outlive_owner(keeper);
  if (polled[POLLED_SIGNALS].revents != 0)
    heed(keeper);
  if (polled[POLLED_NETWORK].revents != 0)
    lose_network(keeper, polled[POLLED_END].revents != 0);
  streams_serve(keeper->streams, polled + POLLED_STREAMS);
  health_pause(keeper->health, keeper->is_paused);
  health_serve(keeper->health, polled + POLLED_HEALTH);
  if (keeper->kill_at_ms > 0 && clock_ms() >= keeper->kill_at_ms) {
    keeper->kill_at_ms = 0;
    (void) sys_pidfd_send_signal(keeper->pidfd, SIGKILL);
  }
  return 0;
}

static int reap(struct keeper *keeper, int *ret_status, struct failure *why) {
  pid_t companions[KEEPER_MAX_COMPANIONS];

  while (waitpid(keeper->pid, ret_status, 0) < 0)
    if (errno != EINTR)
      return fail(why, errno, "wait for the container");
  keeper->pid = 0;
  keeper_list_companions(keeper, companions);
  leftovers_end(&keeper->leftovers, companions); /* first: they may hold the streams */
  streams_end(keeper->streams, keeper->is_detached ? -1 : keeper->node);
  return 0;
}

int keeper_wait(struct keeper *keeper, int *ret_status, struct failure *why) {
  struct pollfd polled[POLLED];
  int r = watch_signals(keeper, why);

  polled[POLLED_END].revents = 0;
  health_begin(keeper->health);
  while (r == 0 && polled[POLLED_END].revents == 0)
    r = turn(keeper, polled, 0, why);
  health_stop(keeper->health);
  return r < 0 ? r : reap(keeper, ret_status, why);
}

int keeper_pause(struct keeper *keeper, int64_t delay_ms, struct failure *why) {
  const int64_t until_ms = clock_ms() + delay_ms;
  struct pollfd polled[POLLED];
  int r = 0;

  while (r == 0 && !keeper->restart.is_ending && !keeper->restart.again && clock_ms() < until_ms)
    r = turn(keeper, polled, until_ms, why);
  return r;
}
