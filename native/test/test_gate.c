/* test_gate.c — the way of a child past its starter, to its start, and what is told of that. */
#include "../init/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/sync.h"
#include "tap.h"

static char folder[] = "/tmp/marmita-gate-XXXXXX";
static char path[64];

static struct gate make(void) {
  static const struct plan nothing;
  struct gate gate = {.fifo = -1, .result = -1, .plan = &nothing};
  struct failure why = {0};

  is_int(gate_make(path, &gate, &why), 0, "both pipes are made");
  return gate;
}

static void forget(struct gate *gate) {
  char result[80];

  gate_close(gate);
  (void) unlink(path);
  snprintf(result, sizeof result, "%s" GATE_RESULT, path);
  (void) unlink(result);
}

/* Waits, and ends with 7, or tells that it cannot and ends with 8. */
static pid_t start(struct gate *gate, int ours, int theirs, bool fails) {
  const pid_t pid = fork();
  struct failure why = {0};

  if (pid != 0) {
    (void) close(theirs);
    gate_close(gate);
    return pid;
  }
  (void) close(ours);
  (void) prctl(PR_SET_PDEATHSIG, SIGUSR2);
  if (gate_wait(gate, theirs, &why) < 0)
    _exit(1);
  int signal = -1;
  (void) prctl(PR_GET_PDEATHSIG, &signal);
  if (signal != (gate->stays ? SIGUSR2 : 0))
    _exit(2);
  if (!fails)
    _exit(7);
  (void) fail(&why, ENOENT, "exec /none");
  (void) fail_in_step(&why, "exec");
  gate_tell(gate, &why);
  _exit(8);
}

static int end_of(pid_t pid) {
  int status = 0;

  (void) waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void release(int sync) {
  struct failure why = {0};

  is_int(sync_expect(sync, SYNC_READY, &why), 0, "the child is ready");
  is_int(sync_send(sync, SYNC_PROCEED, &why), 0, "it is let go");
  is_int(sync_expect(sync, SYNC_RELEASED, &why), 0, "and says so");
}

/* What comes on the second pipe, to its end. */
static const char *open_gate(void) {
  static char text[500];
  char result[80];
  ssize_t n, size = 0;

  snprintf(result, sizeof result, "%s" GATE_RESULT, path);
  const int fifo = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  const int told = open(result, O_RDONLY | O_CLOEXEC);
  (void) write(fifo, "0", 1);
  while ((n = read(told, text + size, sizeof text - 1 - (size_t) size)) > 0)
    size += n;
  text[size] = '\0';
  (void) close(fifo);
  (void) close(told);
  return text;
}

static void waits(bool stays, bool fails, int wanted, const char *told) {
  struct gate gate = make();
  struct failure why;
  int ours, theirs;

  gate.stays = stays;
  (void) sync_open(&ours, &theirs, &why);
  const pid_t pid = start(&gate, ours, theirs, fails);
  release(ours);
  is_int(sync_is_over(ours) || sync_expect_exec(ours, &why) == 0, 1, "which ends the conversation");
  is_text(open_gate(), told, "the outcome is told");
  is_int(end_of(pid), wanted, "and the child went on");
  (void) close(ours);
  forget(&gate);
}

static void ends_of_signals(void) {
  struct gate gate = make();
  struct failure why;
  int ours, theirs;

  (void) sync_open(&ours, &theirs, &why);
  const pid_t pid = start(&gate, ours, theirs, false);
  release(ours);
  (void) kill(pid, SIGTERM);
  is_int(end_of(pid), 128 + SIGTERM, "a child that waits ends of a signal, as a shell tells it");
  is_int(open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC), -1, "nobody waits there any more");
  is_int(errno, ENXIO, "which the pipe tells");
  (void) close(ours);
  forget(&gate);
}

static void takes_nobodys_place(void) {
  struct gate gate = {.fifo = -1, .result = -1};
  struct failure why = {0};

  (void) close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  is_int(gate_make(path, &gate, &why), -EEXIST, "what is in the way is left");
  is_int(gate.fifo, -1, "and nothing comes of it");
  forget(&gate);
}

int main(void) {
  if (mkdtemp(folder) == NULL)
    return 1;
  snprintf(path, sizeof path, "%s/exec.fifo", folder);
  waits(false, false, 7, "");
  waits(true, false, 7, "");
  waits(false, true, 8,
        "{\"event\":\"failed\",\"errno\":2,\"step\":\"exec\",\"what\":\"exec /none\","
        "\"exitCode\":127}\n");
  ends_of_signals();
  takes_nobodys_place();
  (void) rmdir(folder);
  return done_testing();
}
