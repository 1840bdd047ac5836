/* test_family.c — who is ended with a family, and who is not. */
#include "../init/family.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

static _Noreturn void stay(void) {
  for (;;)
    (void) pause();
}

/* One that stays, has a child that stays, and tells its number. */
static _Noreturn void be_parent(int pipe) {
  const pid_t child = fork();

  if (child == 0)
    stay();
  (void) write(pipe, &child, sizeof child);
  stay();
}

/* The children of a parent that has ended: the head's, in a session of their own. */
static _Noreturn void be_passing_parent(int pipe) {
  const pid_t child = fork();

  if (child == 0) {
    (void) setsid();
    (void) signal(SIGTERM, SIG_IGN);
    be_parent(pipe);
  }
  _exit(EXIT_SUCCESS);
}

/* Two families of two each below it. */
static _Noreturn void be_head(int pipe) {
  (void) prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (fork() == 0)
    be_parent(pipe);
  if (fork() == 0)
    be_passing_parent(pipe);
  stay();
}

static int has_ended(pid_t pid) {
  char path[32], text[512] = "";
  FILE *file;

  (void) snprintf(path, sizeof path, "/proc/%d/stat", (int) pid);
  file = fopen(path, "r");
  if (file == NULL)
    return 1;
  const size_t size = fread(text, 1, sizeof text - 1, file);
  (void) fclose(file);
  text[size] = '\0';
  return strstr(text, ") Z ") != NULL;
}

static void ends_all_that_descend(int proc) {
  int ends[2];
  pid_t grandchildren[2] = {0};

  (void) pipe(ends);
  const pid_t stranger = fork();
  if (stranger == 0)
    stay();
  const pid_t head = fork();
  if (head == 0)
    be_head(ends[1]);
  for (int i = 0; i < 2; i++)
    (void) read(ends[0], &grandchildren[i], sizeof grandchildren[i]);
  (void) kill(head, SIGSTOP);

  is_int(family_end(proc, head), 1, "a family is ended, though its head stands still");
  is_int(has_ended(grandchildren[0]), 1, "with the children of children");
  is_int(has_ended(grandchildren[1]), 1, "and with whoever lost its parent and ignores signals");
  is_int(has_ended(head), 0, "but for its head");
  is_int(has_ended(stranger), 0, "and for strangers");
  is_int(family_end(proc, head), 1, "where nobody is left nothing is to be done");
  (void) kill(head, SIGKILL);
  (void) kill(stranger, SIGKILL);
  (void) waitpid(head, NULL, 0);
  (void) waitpid(stranger, NULL, 0);
}

/* Each makes another one, and ends. */
static _Noreturn void run_on(void) {
  for (;;) {
    const pid_t pid = fork();

    if (pid > 0)
      _exit(EXIT_SUCCESS);
    (void) usleep(2000);
  }
}

static void ends_who_runs_on(int proc) {
  int begun[2];
  char byte;

  (void) pipe(begun);
  const pid_t head = fork();
  if (head == 0) {
    (void) prctl(PR_SET_CHILD_SUBREAPER, 1);
    (void) signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < 8; i++)
      if (fork() == 0)
        run_on();
    (void) write(begun[1], "", 1);
    stay();
  }
  (void) read(begun[0], &byte, 1);
  is_int(family_end(proc, head), 1, "those that are always new ones are ended, too");
  (void) kill(head, SIGKILL);
  (void) waitpid(head, NULL, 0);
}

int main(void) {
  const int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  (void) prctl(PR_SET_CHILD_SUBREAPER, 1);
  ends_all_that_descend(proc);
  ends_who_runs_on(proc);
  while (waitpid(-1, NULL, WNOHANG) > 0)
    continue;
  return done_testing();
}
