#include "hook.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/clock.h"
#include "../core/fd.h"
#include "../core/process.h"
#include "../core/syscalls.h"

/* Of up to 4 KiB each: somebody who was left behind may write for ever. */
#define LAST_READS 16

struct hook {
  const char *path;
  char **argv;
  char **environment;
  const char *state;     /* JSON up to and with "pid": */
  const char *directory; /* where it begins, or NULL: where we are */
  int64_t timeout_ms;
};

/* What a hook wrote last. */
struct words {
  char text[200];
  size_t used;
};

struct running {
  pid_t pid;
  int pidfd;
  int output;  /* what it writes */
  int refusal; /* an errno, if it could not be executed */
};

static struct hook hook_of(const union argument *arguments) {
  return (struct hook){
      .timeout_ms = (int64_t) arguments[1].number,
      .path = arguments[2].text,
      .argv = arguments[3].list,
      .environment = arguments[4].list,
      .state = arguments[5].text,
  };
}

static int open_state(const struct hook *hook, int *ret_fd, struct failure *why) {
  autofree char *text = NULL;
  autoclose int fd = (int) memfd_create("state", MFD_CLOEXEC);
  const int length = asprintf(&text, "%s%d}", hook->state, (int) getpid());

  if (fd < 0)
    return fail(why, errno, "make a file for the state");
  if (length < 0)
    return fail(why, ENOMEM, "tell the state");
  if (fd_write_all(fd, text, (size_t) length, why) < 0)
    return -why->errnum;
  if (lseek(fd, 0, SEEK_SET) < 0)
    return fail(why, errno, "rewind the state");
  *ret_fd = steal_fd(&fd);
  return 0;
}

/* Its own session: what it starts is killed with it, and has no terminal of the command's. */
static _Noreturn void be_hook(const struct hook *hook, int state, int output, int refusal) {
  char *const alone[] = {strdup(hook->path), NULL};

  (void) setsid();
  (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
  (void) dup2(state, STDIN_FILENO);
  (void) dup2(output, STDOUT_FILENO);
  (void) dup2(output, STDERR_FILENO);
  (void) dup3(refusal, 3, O_CLOEXEC);
  (void) sys_close_range(4, ~0U, 0);
  (void) umask(022);
  process_reset_signals();
  if (hook->directory != NULL)
    (void) chdir(hook->directory); /* a convenience: what it is given are absolute paths */
  (void) execve(hook->path, hook->argv[0] == NULL ? alone : hook->argv, hook->environment);
  const int errnum = errno;
  (void) write(3, &errnum, sizeof errnum);
  _exit(127);
}

/* Above what be_hook() moves them to. */
static int make_pipe(int *ret_reading, int *ret_writing, struct failure *why) {
  int ends[2];

  if (pipe2(ends, O_CLOEXEC) < 0)
    return fail(why, errno, "make a pipe");
  *ret_reading = ends[0];
  *ret_writing = fcntl(ends[1], F_DUPFD_CLOEXEC, 4);
  const int errnum = errno;
  (void) close(ends[1]);
  return *ret_writing < 0 ? fail(why, errnum, "make a pipe") : 0;
}

static int start(const struct hook *hook, struct running *ret_running, struct failure *why) {
  autoclose int state = -1;
  autoclose int output = -1, their_output = -1;
  autoclose int refusal = -1, their_refusal = -1;

  if (open_state(hook, &state, why) < 0 || make_pipe(&output, &their_output, why) < 0 ||
      make_pipe(&refusal, &their_refusal, why) < 0)
    return -why->errnum;
  const pid_t pid = fork();
  if (pid < 0)
    return fail(why, errno, "fork");
  if (pid == 0)
    be_hook(hook, state, their_output, their_refusal);
  const int pidfd = sys_pidfd_open(pid); /* not reaped: the number is its own */
  if (pidfd < 0) {
    const int errnum = errno;

    (void) kill(pid, SIGKILL);
    (void) waitpid(pid, NULL, 0);
    return fail(why, errnum, "open a pidfd");
  }
  (void) fcntl(output, F_SETFL, O_NONBLOCK);
  *ret_running = (struct running){
      .pid = pid, .pidfd = pidfd, .output = steal_fd(&output), .refusal = steal_fd(&refusal)};
  return 0;
}

/* False when there will be no more; the last ones are kept. */
static bool hear(int output, struct words *words) {
  char bytes[4096];
  const ssize_t n = read(output, bytes, sizeof bytes);

  if (n < 0)
    return errno == EINTR;
  const size_t size = (size_t) n, room = sizeof words->text - 1;
  const size_t new = size < room ? size : room;
  const size_t kept = words->used < room - new ? words->used : room - new;
  memmove(words->text, words->text + words->used - kept, kept);
  memcpy(words->text + kept, bytes + size - new, new);
  words->used = kept + new;
  return n > 0;
}

/* One line for people, without what would end it. */
static const char *line_of(struct words *words) {
  while (words->used > 0 && isspace((unsigned char) words->text[words->used - 1]))
    words->used--;
  words->text[words->used] = '\0';
  for (char *at = words->text; *at != '\0'; at++)
    if ((unsigned char) *at < ' ')
      *at = ' ';
  return words->text;
}

/* Until it has ended. False when its time is over. */
static bool await_end(const struct running *running, int64_t timeout_ms, struct words *words) {
  const int64_t end_ms = clock_ms() + timeout_ms;
  struct pollfd polled[] = {
      {.fd = running->pidfd, .events = POLLIN},
      {.fd = running->output, .events = POLLIN},
  };

  while (polled[0].revents == 0) {
    const int64_t left_ms = end_ms - clock_ms();

    if (timeout_ms > 0 && left_ms <= 0)
      return false;
    const int wait_ms = timeout_ms == 0 ? -1 : (int) (left_ms > 60000 ? 60000 : left_ms);
    if (poll(polled, 2, wait_ms) < 0)
      continue;
    /* It has closed it, or never writes: its end is what counts. */
    if (polled[1].revents != 0 && !hear(running->output, words) && errno != EAGAIN)
      polled[1].fd = -1;
    if ((polled[1].revents & (POLLIN | POLLHUP)) == POLLHUP)
      polled[1].fd = -1;
  }
  return true;
}

static int judge(const struct hook *hook, const struct running *running, int status,
                 struct words *words, struct failure *why) {
  int errnum = 0;

  if (read(running->refusal, &errnum, sizeof errnum) == sizeof errnum)
    return fail(why, errnum, "execute the hook %s", hook->path);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return 0;
  for (int i = 0; i < LAST_READS && hear(running->output, words); i++)
    continue;
  const char *line = line_of(words);
  return fail(why, ECANCELED, "the hook %s ended with %s %d%s%s", hook->path,
              WIFEXITED(status) ? "exit code" : "signal",
              WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), *line == '\0' ? "" : ": ",
              line);
}

/* Asked before it is reaped: so long its number is its group's. */
static bool has_failed(pid_t pid) {
  siginfo_t info = {0};

  while (waitid(P_PID, (id_t) pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
    continue;
  return info.si_code != CLD_EXITED || info.si_status != 0;
}

static int run(const struct hook *hook, struct failure *why) {
  struct running running;
  struct words words = {0};
  int status = 0;
  int r;

  r = start(hook, &running, why);
  if (r < 0)
    return r;
  const bool in_time = await_end(&running, hook->timeout_ms, &words);
  if (!in_time)
    (void) kill(running.pid, SIGKILL); /* before its setsid() it has no group */
  if (!in_time || has_failed(running.pid))
    (void) kill(-running.pid, SIGKILL);
  while (waitpid(running.pid, &status, 0) < 0 && errno == EINTR)
    continue;
  r = in_time ? judge(hook, &running, status, &words, why)
              : fail(why, ETIMEDOUT, "the hook %s took longer than %lld ms", hook->path,
                     (long long) hook->timeout_ms);
  (void) close(running.pidfd);
  (void) close(running.output);
  (void) close(running.refusal);
  return r;
}

int hooks_run(const struct plan *plan, uint64_t when, struct failure *why) {
  for (size_t i = 0; i < plan->count; i++) {
    const struct operation *operation = &plan->operations[i];

    if (operation->code != PLAN_HOOK || operation->arguments[0].number != when)
      continue;
    struct hook hook = hook_of(operation->arguments);
    if (when == HOOK_CREATE_CONTAINER)
      hook.directory = plan_text(plan, PLAN_BUNDLE);
    if (run(&hook, why) < 0)
      return fail_in_step(why, plan_name(PLAN_HOOK));
  }
  return 0;
}
