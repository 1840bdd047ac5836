/* test_moving.c — where descriptors are when they have been moved. */
#include "../init/moving.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

static int file_with(const char *text) {
  const int fd = memfd_create("test", MFD_CLOEXEC);

  (void) write(fd, text, strlen(text));
  return fd;
}

static int says(int fd, const char *text) {
  char found[16] = "";

  return pread(fd, found, sizeof found - 1, 0) > 0 && strcmp(found, text) == 0;
}

static int closes_on_exec(int fd) {
  return fcntl(fd, F_GETFD) == FD_CLOEXEC;
}

/* In a process of its own, whose exit code is how many are where they are to be. */
static int in_places(int first, int ours) {
  struct moving moving = {0};
  int good = 0;

  moving_add_preserved(&moving, first, 2);
  good += moving_add(&moving, ours) == 5;
  moving_carry_out(&moving);
  good += says(3, "one") && !closes_on_exec(3);
  good += says(4, "two") && !closes_on_exec(4);
  good += says(5, "ours") && closes_on_exec(5);
  good += fcntl(6, F_GETFD) < 0;
  return good;
}

static int outcome(int first, int ours) {
  int status = 0;
  const pid_t pid = fork();

  if (pid == 0)
    _exit(in_places(first, ours));
  (void) waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(void) {
  const int one = file_with("one");
  const int two = file_with("two");
  const int ours = file_with("ours");

  /* Sources among the places of others, in either order. */
  (void) dup2(one, 20);
  (void) dup2(two, 21);
  (void) dup2(ours, 22);
  is_int(outcome(20, 22), 5, "from above");
  (void) dup2(20, 4);
  (void) dup2(21, 5);
  (void) dup2(22, 3);
  is_int(outcome(4, 3), 5, "from where others are to be");
  return done_testing();
}
