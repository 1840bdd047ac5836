#include "starter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/sync.h"
#include "../core/syscalls.h"
#include "report.h"
#include "verb.h"

#define SIGNAL "signal "

static void obey(void *whose, const char *line) {
  struct starter *starter = whose;

  if (strcmp(line, "go") == 0)
    starter->has_go = true;
  else if (strcmp(line, "release") == 0)
    starter->has_release = true;
  else if (strncmp(line, SIGNAL, strlen(SIGNAL)) == 0 && starter->pidfd >= 0)
    (void) sys_pidfd_send_signal(starter->pidfd, atoi(line + strlen(SIGNAL)));
}

/* 1 when `fd` has something to say, 0 when Node had. */
static int wait_for_either(struct starter *starter, int fd, struct failure *why) {
  struct pollfd polled[] = {
      {.fd = fd, .events = POLLIN},
      {.fd = FD_EVENTS, .events = POLLIN},
  };

  while (poll(polled, 2, -1) < 0)
    if (errno != EINTR)
      return fail(why, errno, "wait");
  if (polled[1].revents != 0 && !lines_read(&starter->from_node, FD_EVENTS, obey, starter))
    return fail(why, ECANCELED, "wait for orders: who gives them has ended");
  return polled[0].revents != 0;
}

int starter_await_fd(struct starter *starter, int fd, struct failure *why) {
  int r;

  do
    r = wait_for_either(starter, fd, why);
  while (r == 0);
  return r < 0 ? r : 0;
}

int starter_await(struct starter *starter, struct failure *why) {
  return starter_await_fd(starter, starter->sync, why);
}

int starter_ask(struct starter *starter, const char *event, const bool *flag, struct failure *why) {
  struct report report = report_open(event);

  report_number(&report, "pid", starter->pid);
  report_send(&report);
  while (!*flag) {
    const int r = wait_for_either(starter, starter->sync, why);

    if (r < 0)
      return r;
    if (r > 0) /* it has nothing to say now but why it cannot go on */
      return sync_expect(starter->sync, SYNC_FAILED, why);
  }
  return 0;
}

int starter_release(struct starter *starter, struct failure *why) {
  struct report report = report_open("released");
  int r;

  r = starter_await(starter, why);
  if (r == 0)
    r = sync_expect(starter->sync, SYNC_READY, why);
  if (r == 0)
    r = starter_ask(starter, "created", &starter->has_release, why);
  if (r == 0)
    r = sync_send(starter->sync, SYNC_PROCEED, why);
  if (r == 0)
    r = sync_expect(starter->sync, SYNC_RELEASED, why);
  if (r < 0)
    return r;
  report_send(&report);
  return 0;
}

static void wait_for_end(struct starter *starter, int *ret_status) {
  while (waitpid(starter->pid, ret_status, 0) < 0 && errno == EINTR)
    continue;
  (void) close(steal_fd(&starter->pidfd));
  starter->pid = 0;
}

int starter_stay(struct starter *starter, struct failure *why) {
  struct report report = report_open("exited");
  struct failure ended = {0};
  int status = 0;
  int r;

  do
    r = wait_for_either(starter, starter->pidfd, &ended);
  while (r == 0);
  if (r < 0)
    (void) kill(starter->pid, SIGKILL);
  wait_for_end(starter, &status);
  report_number(&report, "exitCode",
                WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
  report_number(&report, "signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
  report_send(&report);
  (void) why;
  return 0;
}

void starter_give_up(struct starter *starter) {
  int ignored = 0;

  if (starter->pid <= 0)
    return;
  (void) kill(starter->pid, SIGKILL);
  wait_for_end(starter, &ignored);
}

void starter_let_go(struct starter *starter) {
  const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

  /* It may share our user and our processes; nobody is to look at us any more. */
  (void) prctl(PR_SET_DUMPABLE, 0);
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (nothing < 0 || dup2(nothing, fd) < 0)
      (void) close(fd);
  if (starter->pidfd != FD_EXTRA && dup3(starter->pidfd, FD_EXTRA, O_CLOEXEC) == FD_EXTRA)
    starter->pidfd = FD_EXTRA;
  (void) sys_close_range(FD_EXTRA + 1, ~0U, 0);
}
