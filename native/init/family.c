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
  MAX_PASSES = 200,
  /* Of looks in a row that find nobody. One that is sure counts for many of those that are not:
   * where strangers come and go all the time, none may ever be. */
  QUIET_ENOUGH = 50,
  QUIET_SURE = 25,
  QUIET_UNSURE = 1,
};

struct relative {
  pid_t pid;
  pid_t parent;
  char state;
  bool is_member;
};

/* The numbers are read at once, what stands behind them one after the other. Who ended in between
 * may have left a child that has no number here. */
struct look {
  struct relative *all; /* by pid */
  size_t count, room;
  bool has_missed_some;
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
  look->has_missed_some = directory == NULL;
  if (directory == NULL)
    return;
  for (const struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
    struct process_stat stat;

    if (!isdigit((unsigned char) entry->d_name[0]))
      continue;
    if (!process_stat_read(proc, entry->d_name, &stat) ||
        !add(look, (pid_t) atoi(entry->d_name), &stat))
      look->has_missed_some = true;
  }
  (void) closedir(directory);
  qsort(look->all, look->count, sizeof *look->all, by_pid);
  mark_members(look, head);
}

static bool has_ended(char state) {
  return state == 'Z' || state == 'X';
}

/* The directory stands for the process, as a pidfd does, from whichever pid namespace: held open,
 * it is not another's that has got the number since. Returns whether it was still there. */
static bool end(int proc, const struct relative *one) {
  char name[16];
  struct process_stat now;

  (void) snprintf(name, sizeof name, "%d", (int) one->pid);
  autoclose int directory = openat(proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return directory >= 0 && process_stat_read(directory, ".", &now) && now.parent == one->parent &&
         !has_ended(now.state) && sys_pidfd_send_signal(directory, SIGKILL) == 0;
}

/* Whether nobody can have been overlooked; `before` is the look before this one. */
static bool is_sure(const struct look *look, const struct look *before) {
  if (look->has_missed_some)
    return false;
  for (size_t i = 0; i < look->count; i++) {
    const struct relative *one = &look->all[i];
    const struct relative *then = one->is_member ? find(before, one->pid) : NULL;

    if (one->is_member && (then == NULL || !has_ended(then->state)))
      return false;
  }
  return true;
}

/* Returns how many had to be ended. */
static int end_seen(int proc, const struct look *look) {
  int count = 0;

  for (size_t i = 0; i < look->count; i++)
    if (look->all[i].is_member && !has_ended(look->all[i].state)) {
      (void) end(proc, &look->all[i]);
      count++;
    }
  return count;
}

/* A look at all takes a while, and those that run on may be gone before they are looked at. All
 * that lost their parents are the head's children: of those there is a list, where the kernel keeps
 * one (CONFIG_PROC_CHILDREN). */
static void end_children(int proc, pid_t head) {
  char name[64], list[4096];

  (void) snprintf(name, sizeof name, "%d/task/%d/children", (int) head, (int) head);
  for (int pass = 0; pass < MAX_PASSES; pass++) {
    autoclose int file = openat(proc, name, O_RDONLY | O_CLOEXEC);
    const ssize_t size = file < 0 ? 0 : read(file, list, sizeof list - 1);
    int count = 0;

    if (size <= 0)
      return;
    list[size] = '\0';
    for (char *next = list, *at = list;; at = next) {
      struct relative one = {.pid = (pid_t) strtol(at, &next, 10), .parent = head};

      if (next == at)
        break;
      count += end(proc, &one);
    }
    if (count == 0)
      return;
  }
}

bool family_end(int proc, pid_t head) {
  const struct timespec moment = {.tv_nsec = BETWEEN_ROUNDS_NS};
  struct look looks[2] = {{0}};
  int quiet = 0;

  for (int round = 0; round < MAX_ROUNDS && quiet < QUIET_ENOUGH; round++) {
    struct look *look = &looks[round % 2];

    end_children(proc, head);
    look_around(proc, head, look);
    const bool is_anybody = end_seen(proc, look) > 0;
    const bool is_nobody = !is_anybody && is_sure(look, &looks[(round + 1) % 2]);
    quiet = is_anybody ? 0 : quiet + (is_nobody ? QUIET_SURE : QUIET_UNSURE);
    if (!is_nobody)
      (void) nanosleep(&moment, NULL);
  }
  free(looks[0].all);
  free(looks[1].all);
  return quiet >= QUIET_ENOUGH;
}
