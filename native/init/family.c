#include "family.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/process_stat.h"
#include "../core/syscalls.h"

enum {
  /* A little over five seconds: longer than the kernel takes to end anything that can be ended. */
  MAX_ROUNDS = 5000,
  BETWEEN_ROUNDS_NS = 1000000,
  /* Of looks in a row that find nobody: what the first has missed was on its way to `head`. */
  QUIET_LOOKS = 2,
};

struct relative {
  pid_t pid;
  pid_t parent;
  char state;
  bool is_member;
};

struct look {
  struct relative *all; /* by pid */
  size_t count, room;
};

static int by_pid(const void *one, const void *other) {
  const pid_t a = ((const struct relative *) one)->pid;
  const pid_t b = ((const struct relative *) other)->pid;

  return (a > b) - (a < b);
}

static const struct relative *find(const struct look *look, pid_t pid) {
  const struct relative wanted = {.pid = pid};

  if (look->count == 0)
    return NULL;
  return bsearch(&wanted, look->all, look->count, sizeof wanted, by_pid);
}

static bool add(struct look *look, pid_t pid, const struct process_stat *stat) {
  if (look->count == look->room) {
    const size_t room = look->room == 0 ? 256 : 2 * look->room;
    struct relative *all = realloc(look->all, room * sizeof *all);

    if (all == NULL)
      return false;
    look->all = all;
    look->room = room;
  }
  look->all[look->count++] =
      (struct relative){.pid = pid, .parent = stat->parent, .state = stat->state};
  return true;
}

static void mark_members(struct look *look, pid_t head) {
  for (bool is_new = true; is_new;) {
    is_new = false;
    for (size_t i = 0; i < look->count; i++) {
      struct relative *one = &look->all[i];
      const struct relative *parent = one->is_member ? NULL : find(look, one->parent);

      if (!one->is_member && (one->parent == head || (parent != NULL && parent->is_member)))
        is_new = one->is_member = true;
    }
  }
}

static void look_around(int proc, pid_t head, struct look *look) {
  DIR *directory = fdopendir(openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));

  look->count = 0;
  if (directory == NULL)
    return;
  for (const struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
    struct process_stat stat;

    if (isdigit((unsigned char) entry->d_name[0]) &&
        process_stat_read(proc, entry->d_name, &stat) &&
        !add(look, (pid_t) atoi(entry->d_name), &stat))
      break;
  }
  (void) closedir(directory);
  qsort(look->all, look->count, sizeof *look->all, by_pid);
  mark_members(look, head);
}

/* The directory stands for the process, as a pidfd does, from whichever pid namespace: held open,
 * it is not another's that has got the number since. */
static void end(int proc, const struct relative *one) {
  char name[16];
  struct process_stat now;

  (void) snprintf(name, sizeof name, "%d", (int) one->pid);
  autoclose int directory = openat(proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory >= 0 && process_stat_read(directory, ".", &now) && now.parent == one->parent)
    (void) sys_pidfd_send_signal(directory, SIGKILL);
}

static bool has_ended(char state) {
  return state == 'Z' || state == 'X';
}

/* Returns how many had to be ended. */
static int end_seen(int proc, const struct look *look) {
  int count = 0;

  for (size_t i = 0; i < look->count; i++)
    if (look->all[i].is_member && !has_ended(look->all[i].state)) {
      end(proc, &look->all[i]);
      count++;
    }
  return count;
}

bool family_end(int proc, pid_t head) {
  const struct timespec moment = {.tv_nsec = BETWEEN_ROUNDS_NS};
  struct look look = {0};
  int quiet = 0;

  for (int round = 0; round < MAX_ROUNDS && quiet < QUIET_LOOKS; round++) {
    look_around(proc, head, &look);
    quiet = end_seen(proc, &look) == 0 ? quiet + 1 : 0;
    if (quiet == 0)
      (void) nanosleep(&moment, NULL);
  }
  free(look.all);
  return quiet == QUIET_LOOKS;
}
