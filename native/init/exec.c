/* exec.c — `exec PLAN [WORD…]`: one more command in a container that runs, to its end.
 *
 * FD_EVENTS is a socket to Node, FD_EXTRA is for PLAN, which may be /proc/self/fd/4. Descriptors
 * 0, 1 and 2 are as for `run`, and so are two words; of the other descriptors none is kept:
 *
 *   size=COLUMNSxROWS  of the terminal, in place of what the plan says
 *   host-terminal      FD_HOST_TERMINAL is a terminal that Node makes raw
 *   detach             the command goes on without Node
 *
 * Events are `failed`, or `started` and then `exited`. Node may tell us, a line for each:
 *
 *   signal 15       for the command
 *   resize 80 24    columns and rows of its terminal
 *   end             kill it and all that descends from it; so does the end of the socket
 *   detach          that end is none any more; `detached` is the answer. Only with a terminal:
 *                   else its streams are Node's
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/raw.h"
#include "../core/syscalls.h"
#include "exec_watch.h"
#include "lines.h"
#include "report.h"
#include "verb.h"

enum { FD_HOST_TERMINAL = FD_EXTRA + 1 };

struct session {
  struct exec exec;
  bool is_detached;
  bool has_host_terminal;
  struct raw_terminal host_mode;
  struct lines from_node;
};

static int read_words(struct session *session, int argc, char *argv[], struct failure *why) {
  const struct operation *terminal = plan_find(session->exec.plan, PLAN_TERMINAL);
  struct size *size = &session->exec.size;

  if (terminal != NULL)
    *size = (struct size){.columns = (unsigned short) terminal->arguments[0].number,
                          .rows = (unsigned short) terminal->arguments[1].number};
  for (int i = 0; i < argc; i++) {
    if (strcmp(argv[i], "detach") == 0) {
      session->is_detached = true;
    } else if (strcmp(argv[i], "host-terminal") == 0) {
      session->has_host_terminal = true;
      if (raw_save(FD_HOST_TERMINAL, &session->host_mode, why) < 0)
        return fail_in_step(why, "host-terminal");
    } else if (sscanf(argv[i], "size=%hux%hu", &size->columns, &size->rows) != 2) {
      return fail(why, EINVAL, "exec does not know %s", argv[i]);
    }
  }
  return 0;
}

/* Node reaps at once whom it started, and need not wait for whom it did not. */
static int detach(struct failure *why) {
  const pid_t pid = fork();

  if (pid < 0)
    return fail(why, errno, "fork");
  if (pid > 0)
    _exit(EXIT_SUCCESS);
  return chdir("/") < 0 ? fail(why, errno, "leave the working directory") : 0;
}

static void pass_signal(struct session *session, const char *words) {
  const int number = atoi(words);

  if (number > 0 && number < NSIG)
    (void) sys_pidfd_send_signal(session->exec.pidfd, number); /* ESRCH: it has ended */
}

static void resize(struct session *session, const char *words) {
  struct size size = {0};

  if (sscanf(words, "%hu %hu", &size.columns, &size.rows) == 2)
    streams_resize(session->exec.streams, size);
}

static void end(struct session *session, const char *words) {
  (void) words;
  exec_end(&session->exec);
}

/* Whoever reads from its terminal waits, and what it shows is shown to nobody. */
static void go_on_alone(struct session *session, const char *words) {
  struct report report = report_open("detached");

  (void) words;
  if (session->exec.streams == NULL)
    return;
  session->is_detached = true;
  if (session->has_host_terminal)
    (void) close(FD_HOST_TERMINAL); /* its mode is Node's to put back */
  session->has_host_terminal = false;
  streams_detach(session->exec.streams);
  report_send(&report);
}

static const struct {
  const char *word;
  void (*obey)(struct session *session, const char *words);
} orders[] = {
    {"signal ", pass_signal},
    {"resize ", resize},
    {"end", end},
    {"detach", go_on_alone},
};

static void obey(void *session, const char *line) {
  for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
    const size_t length = strlen(orders[i].word);

    if (strncmp(line, orders[i].word, length) == 0)
      orders[i].obey(session, line + length);
  }
}

/* False at the end: Node is gone. */
static bool listen_to_node(struct session *session) {
  return lines_read(&session->from_node, FD_EVENTS, obey, session);
}

enum { POLLED_REPORT, POLLED_NODE, POLLED_COMMAND, POLLED_STREAMS };

static void lose_node(struct session *session, struct pollfd polled[]) {
  if (!session->is_detached)
    exec_end(&session->exec);
  polled[POLLED_NODE].fd = -1;
}

/* The head is to tell of it; the container may have stopped it. Once: it may be paused, too. */
static void wake_head(struct session *session, struct pollfd polled[]) {
  (void) kill(session->exec.head, SIGCONT); /* not reaped: the number is its own */
  polled[POLLED_COMMAND].fd = -1;
}

/* Until it has ended. */
static int serve(struct session *session, struct failure *why) {
  struct exec *exec = &session->exec;
  struct pollfd polled[POLLED_STREAMS + STREAMS_POLLED];
  nfds_t count;

  polled[POLLED_REPORT] = (struct pollfd){.fd = exec->report, .events = POLLIN};
  polled[POLLED_NODE] =
      (struct pollfd){.fd = session->is_detached ? -1 : FD_EVENTS, .events = POLLIN};
  polled[POLLED_COMMAND] = (struct pollfd){.fd = exec->pidfd, .events = POLLIN};

  while (!exec->is_over) {
    const int timeout = streams_watch(exec->streams, polled + POLLED_STREAMS, &count);

    if (poll(polled, POLLED_STREAMS + count, timeout) < 0) {
      if (errno == EINTR)
        continue;
      return fail(why, errno, "wait for the command");
    }
    if (polled[POLLED_REPORT].revents != 0)
      exec_collect(exec);
    else if (polled[POLLED_NODE].revents != 0 && !listen_to_node(session))
      lose_node(session, polled);
    if (!exec->is_over && polled[POLLED_COMMAND].revents != 0)
      wake_head(session, polled);
    if (!exec->is_over)
      streams_serve(exec->streams, polled + POLLED_STREAMS);
  }
  return 0;
}

/* The command's streams end when its own processes let go of them, not when we do. */
static void let_go_of(int first, int last) {
  autoclose int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

  for (int fd = first; nothing >= 0 && fd <= last; fd++)
    (void) dup2(nothing, fd);
}

/* As this machine counts. */
static long long pid_of(int pidfd) {
  char path[40];
  char line[128];
  int pid = 0;

  (void) snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
  FILE *info = fopen(path, "re");
  while (info != NULL && pid == 0 && fgets(line, sizeof line, info) != NULL)
    (void) sscanf(line, "Pid: %d", &pid);
  if (info != NULL)
    (void) fclose(info);
  return pid;
}

static void tell_start(const struct session *session) {
  struct report report = report_open("started");

  report_number(&report, "pid", pid_of(session->exec.pidfd));
  report_send(&report);
  if (session->is_detached)
    let_go_of(FD_EVENTS, FD_EVENTS); /* Node waits for its end */
}

static void tell_failure(const struct failure *why) {
  struct report report = report_open("failed");

  report_number(&report, "errno", why->errnum);
  report_text(&report, "step", why->step);
  report_text(&report, "what", why->what);
  report_number(&report, "exitCode", exec_exit_code(why));
  report_send(&report);
}

static void tell_end(int status) {
  const int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  struct report report = report_open("exited");

  report_number(&report, "exitCode", number > 0 ? 128 + number : WEXITSTATUS(status));
  report_number(&report, "signal", number);
  report_send(&report);
}

/* A start that failed is told here. */
static int see_through(struct session *session, struct failure *why) {
  struct exec *exec = &session->exec;
  struct failure refused = {0};

  if (exec_start(exec, &refused) < 0) {
    tell_failure(&refused);
    return 0;
  }
  let_go_of(STDIN_FILENO, STDERR_FILENO);
  tell_start(session);
  const int r = serve(session, why);
  if (r < 0)
    exec_end(exec);
  exec_leave(exec);
  streams_end(exec->streams, session->is_detached ? -1 : FD_EVENTS);
  streams_close(exec->streams, NULL);
  tell_end(exec->status);
  return r;
}

static int open_streams(struct session *session, struct failure *why) {
  const struct streams_options options = {
      .is_relayed = true,
      .has_terminal = true,
      .is_first_once = !session->is_detached,
  };

  if (plan_find(session->exec.plan, PLAN_TERMINAL) == NULL)
    return 0;
  return streams_open(&options, &session->exec.streams, why);
}

static bool has_word(int argc, char *const *argv, const char *word) {
  for (int i = 0; i < argc; i++)
    if (strcmp(argv[i], word) == 0)
      return true;
  return false;
}

static void settle_descriptors(bool has_host_terminal) {
  (void) sys_close_range(FD_HOST_TERMINAL + (has_host_terminal ? 1 : 0), ~0U, 0);
  (void) fcntl(FD_EVENTS, F_SETFD, FD_CLOEXEC);
  if (has_host_terminal)
    (void) fcntl(FD_HOST_TERMINAL, F_SETFD, FD_CLOEXEC);
}

/* A session that ends, a terminal that hangs up: not ours to die of. */
static void ignore_signals(void) {
  (void) signal(SIGHUP, SIG_IGN);
  (void) signal(SIGINT, SIG_IGN);
  (void) signal(SIGQUIT, SIG_IGN);
  (void) signal(SIGPIPE, SIG_IGN);
}

int exec_main(int argc, char *argv[], struct failure *why) {
  struct plan plan = {0};
  struct session session = {.exec = {.plan = &plan, .owner = FD_EVENTS}};
  int r;

  if (argc < 1)
    return fail(why, EINVAL, "exec takes the path of a plan");
  settle_descriptors(has_word(argc, argv, "host-terminal"));
  ignore_signals();
  (void) prctl(PR_SET_NAME, "marmita-watch"); /* argv[0], which Node chose, says whose */
  r = plan_read(argv[0], &plan, why);
  if (r < 0)
    return r;
  (void) close(FD_EXTRA);
  r = read_words(&session, argc - 1, argv + 1, why);
  if (r == 0 && session.is_detached)
    r = detach(why);
  if (r == 0)
    r = open_streams(&session, why);
  if (r == 0)
    r = see_through(&session, why);
  if (session.has_host_terminal)
    raw_leave(FD_HOST_TERMINAL, &session.host_mode);
  plan_free(&plan);
  return r;
}
