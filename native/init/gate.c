#include "gate.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/sync.h"
#include "hook.h"
#include "report.h"

static int make_pipe(const char *path, int *ret_fd, struct failure *why) {
  if (mkfifo(path, 0600) < 0)
    return fail(why, errno, "make the pipe %s", path);
  *ret_fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
  return *ret_fd < 0 ? fail(why, errno, "open the pipe %s", path) : 0;
}

int gate_make(const char *path, struct gate *ret_gate, struct failure *why) {
  autoclose int fifo = -1;
  autoclose int result = -1;
  autofree char *result_path = NULL;
  int r;

  if (asprintf(&result_path, "%s" GATE_RESULT, path) < 0)
    return fail(why, ENOMEM, "make the pipe %s", path);
  /* The other one first: who finds the first finds both. */
  r = make_pipe(result_path, &result, why);
  if (r == 0)
    r = make_pipe(path, &fifo, why);
  if (r < 0)
    return r;
  ret_gate->fifo = steal_fd(&fifo);
  ret_gate->result = steal_fd(&result);
  return 0;
}

void gate_close(struct gate *gate) {
  if (gate->fifo >= 0)
    (void) close(steal_fd(&gate->fifo));
  if (gate->result >= 0)
    (void) close(steal_fd(&gate->result));
}

static void end_by_signal(int number) {
  _exit(128 + number);
}

/* Their default is not an end, or says that we are at fault. */
static bool is_left(int number) {
  static const int left[] = {SIGCHLD, SIGCONT, SIGURG, SIGWINCH, SIGTSTP, SIGTTIN,
                             SIGTTOU, SIGSEGV, SIGBUS, SIGFPE,   SIGILL};

  for (size_t i = 0; i < sizeof left / sizeof *left; i++)
    if (left[i] == number)
      return true;
  return false;
}

/* The first process of a pid namespace is sent only what it handles (pid_namespaces(7)); execve()
 * ends that. */
static void listen_to_signals(void) {
  const struct sigaction action = {.sa_handler = end_by_signal};

  for (int number = 1; number < NSIG; number++)
    if (!is_left(number))
      (void) sigaction(number, &action, NULL); /* KILL and STOP refuse */
}

/* The starter is told that its death means nothing any more, or that it still does. */
static int be_released(struct gate *gate, int sync, struct failure *why) {
  int r;

  r = sync_send(sync, SYNC_READY, why);
  if (r == 0)
    r = sync_expect(sync, SYNC_PROCEED, why);
  if (r < 0)
    return r;
  if (!gate->stays && prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) < 0)
    return fail(why, errno, "clear the parent death signal");
  r = sync_send(sync, SYNC_RELEASED, why);
  if (r < 0)
    return r;
  (void) close(sync);
  gate->is_released = true;
  return 0;
}

static int wait_for_start(const struct gate *gate, struct failure *why) {
  char byte;
  ssize_t n;

  do
    n = read(gate->fifo, &byte, sizeof byte);
  while (n < 0 && errno == EINTR);
  return n < 0 ? fail(why, errno, "wait for start") : 0;
}

int gate_wait(struct gate *gate, int sync, struct failure *why) {
  int r;

  listen_to_signals();
  r = be_released(gate, sync, why);
  if (r == 0)
    r = wait_for_start(gate, why);
  if (r < 0)
    return r;
  (void) close(steal_fd(&gate->fifo));
  return hooks_run(gate->plan, HOOK_START_CONTAINER, why);
}

void gate_tell(const struct gate *gate, const struct failure *why) {
  struct report report = report_open("failed");

  report_refusal(&report, why);
  (void) report_finish(&report);
  (void) write(gate->result, report.text, report.used);
}
