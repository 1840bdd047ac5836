/* test_companion.c — what a program that serves a container is given, and its end. */
#include "../init/companion.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

static struct failure why;

/* All that a program writes to its descriptor 1 until it closes it. */
static int output_of(char *script, char *text, size_t size) {
  char shell[] = "sh", flag[] = "-c";
  char *argv[] = {shell, flag, script, NULL};
  struct companion companion = COMPANION_NONE;
  int ends[2];
  size_t used = 0;
  int status = 0;

  if (pipe2(ends, O_CLOEXEC) < 0 ||
      companion_start(argv, (int[]){-1, ends[1], -1}, &companion, &why) < 0)
    exit(1);
  (void) close(ends[1]);
  for (ssize_t n = 1; n > 0 && used<size - 1; used += n> 0 ? (size_t) n : 0)
    n = read(ends[0], text + used, size - 1 - used);
  text[used] = '\0';
  (void) close(ends[0]);
  (void) poll(&(struct pollfd){.fd = companion.pidfd, .events = POLLIN}, 1, 5000);
  companion_stop(&companion, &status);
  return status;
}

static void gets_its_three_descriptors(void) {
  char script[] = "i=0; while [ $i -lt 64 ]; do [ -e /proc/$$/fd/$i ] && printf '%s ' $i; "
                  "i=$((i + 1)); done";
  char text[256];
  /* As if somebody had forgotten to have them closed. */
  const int directory = open("/", O_RDONLY | O_DIRECTORY);
  const int leaked = dup2(directory, 40);

  (void) output_of(script, text, sizeof text);
  is_text(text, "0 1 2 ", "it has three descriptors, whatever we have");
  (void) close(directory);
  (void) close(leaked);
}

static void starts_with_default_signals(void) {
  char script[] = "sed -n 's/^Sig\\(Blk\\|Ign\\):.0*//p' /proc/self/status";
  char text[256];
  sigset_t blocked;

  (void) signal(SIGPIPE, SIG_IGN);
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  (void) sigprocmask(SIG_BLOCK, &blocked, NULL);
  (void) output_of(script, text, sizeof text);
  is_text(text, "\n\n", "no signal is ignored or blocked, whatever ours are");
  (void) sigprocmask(SIG_UNBLOCK, &blocked, NULL);
}

static void is_ended(void) {
  char name[] = "sleep", seconds[] = "600", missing[] = "/no/such/program";
  char *argv[] = {name, seconds, NULL};
  struct companion companion = COMPANION_NONE;
  int status = 0;

  is_int(companion_start(argv, (int[]){-1, -1, -1}, &companion, &why), 0, "one that stays");
  const pid_t pid = companion.pid;
  companion_stop(&companion, &status);
  is_int(WIFSIGNALED(status) ? WTERMSIG(status) : 0, SIGKILL, "is killed");
  is_int(kill(pid, 0) < 0 && errno == ESRCH, 1, "and reaped");
  companion_stop(&companion, &status);
  is_int(companion.pid, 0, "twice is fine");

  argv[0] = missing;
  is_int(companion_start(argv, (int[]){-1, -1, -1}, &companion, &why), 0, "one that is missing");
  (void) poll(&(struct pollfd){.fd = companion.pidfd, .events = POLLIN}, 1, 5000);
  companion_stop(&companion, &status);
  is_int(WIFEXITED(status) ? WEXITSTATUS(status) : 0, EXIT_FAILURE, "ends at once");
}

typedef int (*start_function)(char *const *argv, const int files[static 3],
                              struct companion *ret_companion, struct failure *why);

/* Its parent in between is killed: nothing else can end it. */
static void dies_with_its_parent(start_function start, char *script, const char *name) {
  char shell[] = "sh", flag[] = "-c";
  char *argv[] = {shell, flag, script, NULL};
  int ends[2];
  char byte;

  if (pipe(ends) < 0)
    exit(1);
  const pid_t parent = fork();
  if (parent == 0) {
    struct companion companion;

    (void) unshare(CLONE_NEWUSER); /* a user may make a pid namespace there */
    (void) start(argv, (int[]){-1, ends[1], -1}, &companion, &why);
    (void) close(ends[1]);
    for (;;)
      (void) pause();
  }
  (void) close(ends[1]);
  is_int(read(ends[0], &byte, 1), 1, "a program runs");
  (void) kill(parent, SIGKILL);
  (void) waitpid(parent, NULL, 0);
  struct pollfd polled = {.fd = ends[0], .events = POLLIN};
  is_int(poll(&polled, 1, 5000), 1, name);
  is_int(poll(&polled, 1, 0) == 1 ? read(ends[0], &byte, 1) : -1, 0, "and holds nothing any more");
  (void) close(ends[0]);
}

static void is_guarded(char *script, int exit_code, const char *what) {
  char name[] = "sh", flag[] = "-c";
  char *argv[] = {name, flag, script, NULL};
  struct companion companion = COMPANION_NONE;
  int status = 0;

  is_int(companion_start_guarded(argv, (int[]){-1, -1, -1}, &companion, &why), 0, "one guarded");
  (void) poll(&(struct pollfd){.fd = companion.pidfd, .events = POLLIN}, 1, 5000);
  companion_stop(&companion, &status);
  is_int(WIFEXITED(status) ? WEXITSTATUS(status) : 0, exit_code, what);
}

int main(void) {
  gets_its_three_descriptors();
  starts_with_default_signals();
  is_ended();
  char remembers[] = "echo; exec sleep 600";
  char forgets[] = "exec setpriv --pdeathsig clear sh -c 'echo; exec sleep 600'";
  dies_with_its_parent(companion_start, remembers, "it dies with its parent");
  dies_with_its_parent(companion_start_guarded, forgets, "guarded, it does when it forgets to");
  char ends[] = "exit 7", dies[] = "kill -9 $$";
  if (unshare(CLONE_NEWUSER) == 0) {
    is_guarded(ends, 7, "its exit code is the program's");
    is_guarded(dies, 128 + SIGKILL, "as is the signal it dies of");
  }
  return done_testing();
}
