/* checker.c — a health check is a watcher as that of `exec` (exec_watch.h), with the keeper in the
 * place of Node: it dies when the keeper does, and takes with it what it began. */
#include "checker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/clock.h"
#include "../core/plan.h"
#include "../core/syscalls.h"
#include "exec_watch.h"
#include "keeper.h"
#include "verb.h"

/* Where the keeper's end is moved to: everything else is closed. */
enum { FD_KEEPER = 3, FD_NULL };

/* How long it may take until a container is seen to have ended with whose end a check was killed.
 * Less than a command waits: one check too many that failed does not count in what has ended. */
enum { END_MS = 200 };

static void keep_text(struct check_result *result, const char *text) {
  (void) snprintf(result->output, sizeof result->output, "%s", text);
  result->size = strlen(result->output);
}

/* As Go prints it: 1m30s, 1.5s, 300ms. */
static void print_duration(char text[static 48], uint64_t ms) {
  const unsigned long long hours = ms / 3600000, minutes = ms / 60000 % 60;
  const unsigned long long seconds = ms / 1000 % 60, rest = ms % 1000;
  char fraction[8] = "";

  if (rest > 0) {
    (void) snprintf(fraction, sizeof fraction, ".%03llu", rest);
    for (size_t last = strlen(fraction) - 1; fraction[last] == '0'; last--)
      fraction[last] = '\0';
  }
  if (hours > 0)
    (void) snprintf(text, 48, "%lluh%llum%llu%ss", hours, minutes, seconds, fraction);
  else if (minutes > 0)
    (void) snprintf(text, 48, "%llum%llu%ss", minutes, seconds, fraction);
  else if (seconds > 0)
    (void) snprintf(text, 48, "%llu%ss", seconds, fraction);
  else
    (void) snprintf(text, 48, "%llums", rest);
}

void checker_say_timeout(uint64_t timeout_ms, struct check_result *ret_result) {
  char duration[48];
  char text[96];

  print_duration(duration, timeout_ms);
  (void) snprintf(text, sizeof text, "Health check exceeded timeout (%s)", duration);
  keep_text(ret_result, text);
  ret_result->exit_code = CHECK_NO_EXIT_CODE;
}

static void say_failure(const struct failure *why, struct check_result *ret_result) {
  char text[sizeof why->what + 64];

  (void) snprintf(text, sizeof text, "%s: %s", why->what, strerror(why->errnum));
  keep_text(ret_result, text);
  ret_result->exit_code = CHECK_NO_EXIT_CODE;
}

/* What is there; false at its end. What is beyond the limit is read, so that nobody waits. */
static bool take_output(int pipe, struct check_result *result) {
  char bytes[CHECK_MAX_OUTPUT];
  ssize_t n;

  while ((n = read(pipe, bytes, sizeof bytes)) > 0) {
    const size_t room =
        CHECK_MAX_OUTPUT - (result->size < CHECK_MAX_OUTPUT ? result->size : CHECK_MAX_OUTPUT);
    const size_t taken = (size_t) n < room ? (size_t) n : room;

    if (result->size > CHECK_MAX_OUTPUT)
      continue;
    memcpy(result->output + result->size, bytes, taken);
    result->size += taken;
    if (taken < (size_t) n) {
      memcpy(result->output + result->size, "...", 3);
      result->size = CHECK_MAX_OUTPUT + 3;
    }
  }
  return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Until it has ended, or has taken too long. */
static void see_through(struct exec *exec, int pipe, int64_t until_ms,
                        struct check_result *result) {
  enum { REPORT, OUTPUT, KEEPER };
  struct pollfd polled[] = {
      [REPORT] = {.fd = exec->report, .events = POLLIN},
      [OUTPUT] = {.fd = pipe, .events = POLLIN},
      [KEEPER] = {.fd = FD_KEEPER},
  };

  while (!exec->is_over) {
    const int64_t left = until_ms - clock_ms();

    if (left <= 0 ||
        (poll(polled, 3, left > 60000 ? 60000 : (int) left) > 0 && polled[KEEPER].revents != 0)) {
      exec_end(exec);
      result->exit_code = CHECK_NO_EXIT_CODE;
      return;
    }
    if (polled[OUTPUT].revents != 0 && !take_output(pipe, result))
      polled[OUTPUT].fd = -1;
    if (polled[REPORT].revents != 0)
      exec_collect(exec);
  }
  (void) take_output(pipe, result);
  result->exit_code =
      WIFSIGNALED(exec->status) ? 128 + WTERMSIG(exec->status) : WEXITSTATUS(exec->status);
}

/* The end of a container kills what is in it first, and is seen when all of that is reaped: by us,
 * too. */
static bool has_ended_with_container(struct exec *exec) {
  autoclose int target = fcntl(exec->target, F_DUPFD_CLOEXEC, 0);
  struct pollfd polled = {.fd = target, .events = POLLIN};
  const bool is_killed = WIFSIGNALED(exec->status) && WTERMSIG(exec->status) == SIGKILL;

  exec_leave(exec);
  return is_killed && poll(&polled, 1, END_MS) > 0;
}

static void carry_out(const char *path, uint64_t timeout_ms, struct check_result *result) {
  const int64_t until_ms = clock_ms() + (int64_t) timeout_ms;
  struct plan plan = {0};
  struct exec exec = {.plan = &plan, .owner = FD_KEEPER};
  struct failure why = {0};
  int ends[2];

  if (plan_read(path, &plan, &why) < 0) {
    say_failure(&why, result);
    return;
  }
  if (pipe2(ends, O_CLOEXEC) < 0 || dup2(ends[1], STDOUT_FILENO) < 0 ||
      dup2(ends[1], STDERR_FILENO) < 0) {
    (void) fail(&why, errno, "create a pipe");
    say_failure(&why, result);
    return;
  }
  (void) close(ends[1]);
  (void) fcntl(ends[0], F_SETFL, O_NONBLOCK);
  if (exec_start(&exec, &why) < 0) {
    if (why.errnum == ESRCH)
      _exit(EXIT_SUCCESS); /* the container has ended: that says nothing of how it was */
    say_failure(&why, result);
    return;
  }
  (void) dup2(FD_NULL, STDOUT_FILENO); /* ours are not to keep the pipe open */
  (void) dup2(FD_NULL, STDERR_FILENO);
  see_through(&exec, ends[0], until_ms, result);
  if (has_ended_with_container(&exec))
    _exit(EXIT_SUCCESS); /* that does not, either */
  if (result->exit_code == CHECK_NO_EXIT_CODE)
    checker_say_timeout(timeout_ms, result);
}

/* What the keeper has is not ours to hold: a lock among it says that it lives. */
static void take_descriptors(int socket) {
  const int copy = fcntl(socket, F_DUPFD_CLOEXEC, FD_NULL + 1);

  if (copy < 0 || dup3(copy, FD_KEEPER, O_CLOEXEC) < 0)
    _exit(EXIT_FAILURE);
  (void) sys_close_range(FD_NULL, ~0U, 0);
  if (open("/dev/null", O_RDWR | O_CLOEXEC) != FD_NULL)
    _exit(EXIT_FAILURE);
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    (void) dup2(FD_NULL, fd);
}

static _Noreturn void be_checker(const char *plan, uint64_t timeout_ms, int socket) {
  static struct check_result result;
  sigset_t none;

  take_descriptors(socket);
  sigemptyset(&none);
  (void) sigprocmask(SIG_SETMASK, &none, NULL);
  (void) signal(SIGTERM, SIG_DFL);
  (void) prctl(PR_SET_NAME, "marmita-check");
  verb_retitle("marmita: health check");
  clock_text(result.start);
  carry_out(plan, timeout_ms, &result);
  clock_text(result.end);
  (void) send(FD_KEEPER, &result, sizeof result, MSG_NOSIGNAL);
  _exit(EXIT_SUCCESS);
}

int checker_start(const char *plan, uint64_t timeout_ms, struct checker *ret_checker,
                  struct failure *why) {
  int ends[2];

  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
    return fail(why, errno, "create a socket");
  const pid_t pid = fork();
  if (pid == 0)
    be_checker(plan, timeout_ms, ends[1]);
  if (pid < 0)
    (void) fail(why, errno, "fork");
  (void) close(ends[1]);
  if (pid < 0) {
    (void) close(ends[0]);
    return -why->errnum;
  }
  *ret_checker = (struct checker){.pid = pid, .socket = ends[0]};
  return 0;
}

static void forget(struct checker *checker) {
  while (waitpid(checker->pid, NULL, 0) < 0 && errno == EINTR)
    continue;
  (void) close(checker->socket);
  *checker = CHECKER_NONE;
}

bool checker_collect(struct checker *checker, struct check_result *ret_result) {
  const ssize_t n = recv(checker->socket, ret_result, sizeof *ret_result, MSG_DONTWAIT);

  forget(checker);
  ret_result->start[sizeof ret_result->start - 1] = '\0';
  ret_result->end[sizeof ret_result->end - 1] = '\0';
  return n == sizeof *ret_result && ret_result->size < sizeof ret_result->output;
}

void checker_stop(struct checker *checker) {
  if (checker->pid <= 0)
    return;
  (void) kill(checker->pid, SIGKILL); /* not reaped: the number is its own */
  forget(checker);
}
