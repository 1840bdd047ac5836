/* exec_inside.c — the head of a further command's family, and the way of the command itself.
 *
 * Theory of operation: the container runs meanwhile, and may do what it likes to what is its own:
 * its files, its devices, its processes. Of the head it sees a number and a name. It cannot look
 * into it, nor reopen what it has open: the head is hidden, and its memory is of a program that was
 * executed outside of the container's user namespace, where nobody inside is anything. It may kill
 * or stop it, as root of the container; then the command dies too, or nobody reaps.
 */
#include "exec_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/fd.h"
#include "../core/process.h"
#include "../core/sync.h"
#include "../core/syscalls.h"
#include "command.h"
#include "console.h"
#include "family.h"
#include "verb.h"

/* Where what the watcher gave is moved to: everything above is closed. */
enum { FD_SYNC = 3, FD_REPORT, FD_PROC, FD_TARGET, FD_END };

static int open_terminal(struct command *command, struct failure *why) {
  autoclose int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

  if (root < 0)
    return fail(why, errno, "open /");
  command->has_terminal = true;
  return console_open_another(root, FD_SYNC, why);
}

static int take_step(struct command *command, const struct operation *operation,
                     struct failure *why) {
  switch (operation->code) {
    case PLAN_TERMINAL: return open_terminal(command, why) < 0 ? fail_in_step(why, "terminal") : 0;
    case PLAN_WORKDIR:
      command->workdir = operation->arguments[0].text; /* it has to be there */
      return 0;
    case PLAN_SECCOMP: return 0; /* read outside, where the file is */
    default: return command_note(command, operation, why);
  }
}

static int become(const struct exec_start *start, struct failure *why) {
  int r;

  if (setsid() < 0)
    return fail(why, errno, "make a session");
  r = process_check_stdio(why);
  if (r < 0)
    return fail_in_step(why, "stdio");
  for (size_t i = 0; i < start->plan->count; i++) {
    r = take_step(start->command, &start->plan->operations[i], why);
    if (r < 0)
      return r;
  }
  return command_become(start->command, FD_SYNC, why);
}

static _Noreturn void be_command(const struct exec_start *start) {
  struct failure why = {0};

  (void) sys_close_range(FD_SYNC + 1, ~0U, 0);
  (void) become(start, &why);
  sync_report(FD_SYNC, &why);
  _exit(EXIT_FAILURE);
}

/* The ids of the caller are those of before: hidden once more, for the kernel has changed that
 * with the capabilities (commit_creds()). */
static int enter(uint64_t namespaces, struct failure *why) {
  if (setns(FD_TARGET, (int) namespaces) < 0)
    return fail(why, errno, "enter the container's namespaces");
  if (prctl(PR_SET_DUMPABLE, 0) < 0)
    return fail(why, errno, "hide from the container");
  return 0;
}

static int start_command(const struct exec_start *start, pid_t *ret_pid, struct failure *why) {
  int pidfd = -1;
  struct clone_args arguments = {
      .flags = CLONE_PIDFD,
      .pidfd = (uint64_t) (uintptr_t) &pidfd,
      .exit_signal = SIGCHLD,
  };
  int r;

  r = enter(start->namespaces, why);
  if (r < 0)
    return fail_in_step(why, "join");
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
    return fail(why, errno, "become the parent of orphans");
  const pid_t pid = sys_clone3(&arguments);
  if (pid < 0)
    return fail(why, errno, "clone");
  if (pid == 0)
    be_command(start);
  *ret_pid = pid;
  r = fd_send(FD_REPORT, pidfd, why);
  (void) close(pidfd);
  return r;
}

/* Reap all that have ended; tell of the command. */
static void collect(pid_t command) {
  struct exec_status told;

  for (pid_t pid = 1; pid > 0;) {
    pid = waitpid(-1, &told.status, WNOHANG);
    if (pid == command)
      (void) send(FD_REPORT, &told, sizeof told, MSG_NOSIGNAL);
  }
}

/* Our number in the /proc of the watcher. */
static pid_t own_number(void) {
  char text[16] = "";

  (void) readlinkat(FD_PROC, "self", text, sizeof text - 1);
  return (pid_t) atoi(text);
}

static _Noreturn void end_family(void) {
  (void) family_end(FD_PROC, own_number());
  _exit(EXIT_FAILURE);
}

/* Until the watcher lets us go, or is no more. */
static _Noreturn void attend(pid_t command, int signals) {
  struct signalfd_siginfo ignored;
  struct pollfd polled[] = {
      {.fd = FD_REPORT, .events = POLLIN},
      {.fd = signals, .events = POLLIN},
  };

  for (;;) {
    char word = 0;

    if (poll(polled, sizeof polled / sizeof *polled, -1) < 0)
      continue;
    if (polled[1].revents != 0) {
      (void) read(signals, &ignored, sizeof ignored);
      collect(command);
    }
    if (polled[0].revents == 0)
      continue;
    if (recv(FD_REPORT, &word, sizeof word, 0) != sizeof word)
      end_family();
    if (word == EXEC_LEAVE) {
      collect(command); /* nobody else may be there who does */
      _exit(EXIT_SUCCESS);
    }
  }
}

/* By way of copies above all targets, so that none overwrites what is yet to be moved. */
static void take_descriptors(const struct exec_start *given) {
  const int sources[] = {given->sync, given->report, given->proc, given->target};
  int copies[FD_END - FD_SYNC];

  for (int i = 0; i < FD_END - FD_SYNC; i++)
    copies[i] = fcntl(sources[i], F_DUPFD_CLOEXEC, FD_END);
  for (int i = 0; i < FD_END - FD_SYNC; i++)
    if (dup3(copies[i], FD_SYNC + i, O_CLOEXEC) < 0)
      _exit(EXIT_FAILURE);
  (void) sys_close_range(FD_END, ~0U, 0);
}

/* What the container sends us is not heard, but for what nobody can help. */
static int watch_children(void) {
  sigset_t signals;

  sigfillset(&signals);
  (void) sigprocmask(SIG_SETMASK, &signals, NULL);
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  return signalfd(-1, &signals, SFD_CLOEXEC);
}

_Noreturn void exec_lead(const struct exec_start *start) {
  struct failure why = {0};
  pid_t command = 0;

  take_descriptors(start);
  (void) prctl(PR_SET_NAME, "marmita-exec");
  verb_retitle("marmita: exec");
  const int signals = watch_children();
  if (signals < 0)
    (void) fail(&why, errno, "watch for signals");
  else
    (void) start_command(start, &command, &why);
  if (why.errnum != 0) {
    sync_report(FD_SYNC, &why);
    _exit(EXIT_FAILURE);
  }
  /* The command's alone from here on. */
  (void) close(FD_SYNC);
  (void) close(FD_TARGET);
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    (void) close(fd);
  attend(command, signals);
}
