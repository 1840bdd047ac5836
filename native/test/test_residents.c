/* test_residents.c — processes that stand still together, and go on together. */
#include "../init/residents.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../core/process_stat.h"
#include "tap.h"

static struct failure why;

static char state_of(pid_t pid) {
  char path[32];
  struct process_stat stat;

  (void) snprintf(path, sizeof path, "/proc/%d", (int) pid);
  return process_stat_read(AT_FDCWD, path, &stat) ? stat.state : '-';
}

static void rest(void) {
  (void) nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

/* A family is a process group, so that it can be ended at once. */
static pid_t fork_family(void) {
  const pid_t first = fork();

  if (first == 0)
    (void) setpgid(0, 0);
  return first;
}

static void end(pid_t first) {
  (void) kill(-first, SIGKILL);
  (void) waitpid(first, NULL, 0);
}

static void sleep_for_ever(void) {
  for (;;)
    (void) pause();
}

/* No mount namespace has inode 1: all there is descends from `first`. */
static struct residents_home home_of(pid_t first) {
  return (struct residents_home){.first = first, .inode = 1};
}

static pid_t family(pid_t ret_members[2]) {
  pid_t *members = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  const pid_t first = fork_family();

  if (first == 0) {
    for (int i = 0; i < 2; i++) {
      const pid_t child = fork();
      if (child == 0)
        sleep_for_ever();
      members[i] = child;
    }
    (void) kill(members[1], SIGSTOP); /* long before anybody else stops it */
    members[2] = 1;
    sleep_for_ever();
  }
  while (*(volatile pid_t *) &members[2] == 0 || state_of(members[1]) != 'T')
    rest();
  for (int i = 0; i < 2; i++)
    ret_members[i] = members[i];
  (void) munmap(members, 4096);
  return first;
}

static void stops_a_family(void) {
  struct residents residents = {0};
  pid_t children[2];
  const pid_t first = family(children);
  const struct residents_home home = home_of(first);

  is_int(residents_stop(&home, &residents, &why), 0, "all stand still");
  is_int(state_of(first), 'T', "the first");
  is_int(state_of(children[0]), 'T', "and its child");
  is_int(state_of(getpid()), 'R', "but no other process");
  is_int((long) residents.count, 2, "what stood still before was not stopped");

  residents_continue(&residents);
  for (int i = 0; i < 200 && (state_of(children[0]) != 'S' || state_of(first) != 'S'); i++)
    rest();
  is_int(state_of(first), 'S', "they go on");
  is_int(state_of(children[0]), 'S', "both of them");
  is_int(state_of(children[1]), 'T', "and what stood still before stands still");

  end(first);
}

static void finds_those_that_stand_still(void) {
  struct residents residents = {0}, still = {0};
  pid_t children[2];
  const pid_t first = family(children);
  const struct residents_home home = home_of(first);

  is_int(residents_find_still(&home, &still, &why), 0, "those that stand still are found");
  is_int((long) still.count, 1, "one does");
  is_int(still.stopped[0].pid, children[1], "that one");
  const struct resident one = still.stopped[0];
  residents_forget(&still);
  is_int(residents_stop(&home, &residents, &why), 0, "all are stopped");
  residents_forget(&residents);
  is_int(state_of(first), 'T', "and go on standing still when they are forgotten");

  is_int(residents_find_still(&home, &still, &why), 0, "they are found again");
  is_int((long) still.count, 3, "all of them");
  is_int(still.stopped[0].pid, first, "parents first");
  residents_drop(&still, one.pid, one.start + 1);
  is_int((long) still.count, 3, "another one by the same number is not meant");
  residents_drop(&still, one.pid, one.start);
  is_int((long) still.count, 2, "one is dropped");
  residents_continue(&still);
  for (int i = 0; i < 200 && (state_of(children[0]) != 'S' || state_of(first) != 'S'); i++)
    rest();
  is_int(state_of(first), 'S', "they go on");
  is_int(state_of(children[0]), 'S', "both of them");
  is_int(state_of(children[1]), 'T', "but the one that was dropped");

  end(first);
}

/* As a shell does with the lines of a script, as fast as it can; each child leaves another one. */
static _Noreturn void run_script(volatile unsigned *counter) {
  for (;;) {
    const pid_t pid = fork();

    if (pid == 0) {
      if (fork() == 0)
        (*counter)++;
      _exit(0);
    }
    (void) waitpid(pid, NULL, 0);
  }
}

static void stops_what_forks(void) {
  volatile unsigned *counter =
      mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  struct residents residents = {0};
  const pid_t first = fork_family();

  if (first == 0) {
    (void) prctl(PR_SET_CHILD_SUBREAPER, 1);
    (void) signal(SIGCHLD, SIG_IGN); /* nobody waits for the orphans */
    run_script(counter);
  }
  while (*counter < 100)
    rest();
  const struct residents_home home = home_of(first);
  is_int(residents_stop(&home, &residents, &why), 0,
         "what makes new processes all the time is stopped, too");
  const unsigned count = *counter;
  for (int i = 0; i < 10; i++)
    rest();
  is_int((long) *counter, (long) count, "and does not go on by itself");

  residents_continue(&residents);
  for (int i = 0; i < 200 && *counter < count + 10; i++)
    rest();
  is_int(*counter >= count + 10, 1, "it goes on when it may");

  end(first);
  (void) munmap((void *) (size_t) counter, 4096);
}

static void finds_nobody(void) {
  struct residents residents = {0};
  const pid_t ended = fork();

  if (ended == 0)
    _exit(0);
  (void) waitpid(ended, NULL, 0);
  const struct residents_home home = home_of(ended);
  is_int(residents_stop(&home, &residents, &why), 0, "where nobody is, nobody is stopped");
  is_int((long) residents.count, 0, "and nobody counted");
  residents_continue(&residents);
}

int main(void) {
  stops_a_family();
  finds_those_that_stand_still();
  stops_what_forks();
  finds_nobody();
  return done_testing();
}
