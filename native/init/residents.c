/* residents.c — all processes of a container, stopped and continued.
 *
 * Theory of operation: nobody can list and stop processes in one step, and what is not stopped yet
 * makes new ones. So all are looked at again and again, the new ones stopped, until two looks in a
 * row have found everything standing still: whatever the second one has missed was made by a
 * process that ran when it began, and the first has seen that there was none. Only what does
 * nothing but make a process like itself and end, within microseconds, is not seen by either.
 */
#include "residents.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/clock.h"
#include "../core/process_stat.h"
#include "../core/syscalls.h"

enum {
  BETWEEN_LOOKS_US = 250,
  /* A process in the midst of a call that cannot be interrupted stops at its end, and may wait
   * there for a child of its own that stands still already (vfork(2)). */
  PATIENCE_MS = 250,
  TIMEOUT_MS = 10000,
};

/* A process of this machine, in one look at all of them. */
struct seen {
  pid_t pid;
  struct process_stat stat;
  bool is_member;
  bool is_placed; /* it was its turn */
};

struct look {
  struct seen *all; /* by pid */
  size_t count, room;
};

static int by_pid(const void *one, const void *other) {
  const pid_t a = ((const struct seen *) one)->pid, b = ((const struct seen *) other)->pid;

  return (a > b) - (a < b);
}

static struct seen *find(const struct look *look, pid_t pid) {
  const struct seen wanted = {.pid = pid};

  if (look->count == 0)
    return NULL;
  return bsearch(&wanted, look->all, look->count, sizeof wanted, by_pid);
}

static bool is_at_home(int proc, const char *name, const struct residents_home *home) {
  char path[40];
  struct stat status;

  (void) snprintf(path, sizeof path, "%.16s/ns/mnt", name);
  return fstatat(proc, path, &status, 0) == 0 && status.st_ino == home->inode &&
         status.st_dev == home->device;
}

static int add(struct look *look, const struct seen *seen, struct failure *why) {
  if (look->count == look->room) {
    const size_t room = look->room == 0 ? 256 : 2 * look->room;
    struct seen *all = realloc(look->all, room * sizeof *all);

    if (all == NULL)
      return fail(why, ENOMEM, "list processes");
    look->all = all;
    look->room = room;
  }
  look->all[look->count++] = *seen;
  return 0;
}

/* Members by birth, parents before children whatever their numbers. */
static void adopt_children(struct look *look) {
  for (bool is_new = true; is_new;) {
    is_new = false;
    for (size_t i = 0; i < look->count; i++) {
      struct seen *seen = &look->all[i];
      const struct seen *parent = seen->is_member ? NULL : find(look, seen->stat.parent);

      if (parent != NULL && parent->is_member)
        is_new = seen->is_member = true;
    }
  }
}

static int look_around(int proc, const struct residents_home *home, struct look *look,
                       struct failure *why) {
  DIR *directory = fdopendir(openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  int r = 0;

  look->count = 0;
  if (directory == NULL)
    return fail(why, errno, "open /proc");
  for (const struct dirent *entry = readdir(directory); r == 0 && entry != NULL;
       entry = readdir(directory)) {
    struct seen seen = {.pid = (pid_t) atoi(entry->d_name)};

    if (!isdigit((unsigned char) entry->d_name[0]) ||
        !process_stat_read(proc, entry->d_name, &seen.stat))
      continue;
    seen.is_member = seen.pid == home->first || is_at_home(proc, entry->d_name, home);
    r = add(look, &seen, why);
  }
  (void) closedir(directory);
  qsort(look->all, look->count, sizeof *look->all, by_pid);
  adopt_children(look);
  return r;
}

static bool stands_still(char state) {
  return state == 'T' || state == 't' || state == 'Z' || state == 'X';
}

/* What of a process does not stand still: its state, or that of a thread of it; 'T' for none. */
static char liveliest(int proc, const struct seen *seen) {
  char path[40];
  char state = seen->stat.state;

  /* The first thread may have ended long ago, and the others go on. */
  if (seen->stat.threads < 2)
    return stands_still(state) ? 'T' : state;
  (void) snprintf(path, sizeof path, "%d/task", (int) seen->pid);
  DIR *tasks = fdopendir(openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (tasks == NULL)
    return 'T'; /* it has ended */
  state = 'T';
  for (const struct dirent *entry = readdir(tasks); entry != NULL; entry = readdir(tasks)) {
    struct process_stat stat;

    if (isdigit((unsigned char) entry->d_name[0]) &&
        process_stat_read(dirfd(tasks), entry->d_name, &stat) && !stands_still(stat.state))
      state = state == 'T' || state == 'D' ? stat.state : state;
  }
  (void) closedir(tasks);
  return state;
}

static bool is_stopped(const struct residents *residents, const struct seen *seen) {
  return residents_has(residents, seen->pid, seen->stat.start);
}

/* By way of a pidfd: the number may be another's since it was looked at. Returns whether it was
 * taken up: it may have ended. */
static int take(int proc, struct residents *residents, const struct seen *seen,
                struct failure *why) {
  struct resident *stopped =
      realloc(residents->stopped, (residents->count + 1) * sizeof *residents->stopped);
  struct process_stat now;
  char name[16];

  if (stopped == NULL)
    return fail(why, ENOMEM, "stop process %d", (int) seen->pid);
  residents->stopped = stopped;
  autoclose int pidfd = sys_pidfd_open(seen->pid);
  (void) snprintf(name, sizeof name, "%d", (int) seen->pid);
  if (pidfd < 0 || !process_stat_read(proc, name, &now) || now.start != seen->stat.start)
    return errno == EMFILE ? fail(why, EMFILE, "stop process %d", (int) seen->pid) : 0;
  stopped[residents->count++] =
      (struct resident){.pid = seen->pid, .start = seen->stat.start, .pidfd = steal_fd(&pidfd)};
  return 1;
}

static int stop(int proc, struct residents *residents, const struct seen *seen,
                struct failure *why) {
  const int r = take(proc, residents, seen, why);

  if (r <= 0)
    return r;
  const int pidfd = residents->stopped[residents->count - 1].pidfd;
  if (sys_pidfd_send_signal(pidfd, SIGSTOP) == 0)
    return 0;
  const int errnum = errno;
  (void) close(pidfd);
  residents->count--;
  return errnum == ESRCH ? 0 : fail(why, errnum, "stop process %d", (int) seen->pid);
}

/* Its turn comes after that of its parent. */
static bool is_next(const struct look *look, const struct seen *seen) {
  const struct seen *parent = find(look, seen->stat.parent);

  return seen->is_member && !seen->is_placed &&
         (parent == NULL || !parent->is_member || parent->is_placed);
}

/* Returns how many do not stand still yet; those in a call that cannot be interrupted do not
 * count when `is_patient` is false. */
static int stop_seen(int proc, const struct look *look, struct residents *residents,
                     bool is_patient, struct failure *why) {
  int lively = 0;

  for (bool is_new = true; is_new;) {
    is_new = false;
    for (size_t i = 0; i < look->count; i++) {
      struct seen *seen = &look->all[i];

      if (!is_next(look, seen))
        continue;
      is_new = seen->is_placed = true;
      const char state = liveliest(proc, seen);
      if (state == 'T' || (state == 'D' && !is_patient && is_stopped(residents, seen)))
        continue;
      lively++;
      if (!is_stopped(residents, seen) && stop(proc, residents, seen, why) < 0)
        return -why->errnum;
    }
  }
  return lively;
}

static int stop_all(int proc, const struct residents_home *home, struct look *look,
                    struct residents *residents, struct failure *why) {
  const struct timespec moment = {.tv_nsec = BETWEEN_LOOKS_US * 1000L};
  const long long began = clock_ms();
  int quiet = 0;

  for (long long passed = 0; passed < TIMEOUT_MS; passed = clock_ms() - began) {
    if (look_around(proc, home, look, why) < 0)
      return -why->errnum;
    const int lively = stop_seen(proc, look, residents, passed < PATIENCE_MS, why);
    if (lively < 0)
      return lively;
    quiet = lively == 0 ? quiet + 1 : 0;
    if (quiet == 2)
      return 0;
    if (lively > 0)
      (void) nanosleep(&moment, NULL);
  }
  return fail(why, ETIMEDOUT, "stop all processes");
}

int residents_stop(const struct residents_home *home, struct residents *ret_residents,
                   struct failure *why) {
  autoclose int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct residents residents = {0};
  struct look look = {0};

  if (proc < 0)
    return fail(why, errno, "open /proc");
  const int r = stop_all(proc, home, &look, &residents, why);
  free(look.all);
  if (r < 0)
    residents_continue(&residents);
  else
    *ret_residents = residents;
  return r;
}

/* Takes up those of the look that stand still, parents before their children. What has ended does
 * so too, but a process whose first thread has may have others. */
static int take_still(int proc, const struct look *look, struct residents *residents,
                      struct failure *why) {
  for (bool is_new = true; is_new;) {
    is_new = false;
    for (size_t i = 0; i < look->count; i++) {
      struct seen *seen = &look->all[i];
      const bool has_ended = strchr("ZX", seen->stat.state) != NULL && seen->stat.threads < 2;

      if (!is_next(look, seen))
        continue;
      is_new = seen->is_placed = true;
      if (!has_ended && liveliest(proc, seen) == 'T' && take(proc, residents, seen, why) < 0)
        return -why->errnum;
    }
  }
  return 0;
}

int residents_find_still(const struct residents_home *home, struct residents *ret_residents,
                         struct failure *why) {
  autoclose int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct residents residents = {0};
  struct look look = {0};

  if (proc < 0)
    return fail(why, errno, "open /proc");
  int r = look_around(proc, home, &look, why);
  if (r == 0)
    r = take_still(proc, &look, &residents, why);
  free(look.all);
  if (r < 0)
    residents_forget(&residents);
  else
    *ret_residents = residents;
  return r;
}

bool residents_has(const struct residents *residents, pid_t pid, long long start) {
  for (size_t i = 0; i < residents->count; i++)
    if (residents->stopped[i].pid == pid && residents->stopped[i].start == start)
      return true;
  return false;
}

void residents_drop(struct residents *residents, pid_t pid, long long start) {
  size_t kept = 0;

  for (size_t i = 0; i < residents->count; i++) {
    const struct resident *one = &residents->stopped[i];

    if (one->pid == pid && one->start == start)
      (void) close(one->pidfd);
    else
      residents->stopped[kept++] = *one;
  }
  residents->count = kept;
}

void residents_forget(struct residents *residents) {
  while (residents->count > 0)
    (void) close(residents->stopped[--residents->count].pidfd);
  free(residents->stopped);
  *residents = (struct residents){0};
}

void residents_continue(struct residents *residents) {
  while (residents->count > 0) {
    const struct resident *last = &residents->stopped[--residents->count];

    (void) sys_pidfd_send_signal(last->pidfd, SIGCONT); /* ESRCH: it was killed meanwhile */
    (void) close(last->pidfd);
  }
  free(residents->stopped);
  *residents = (struct residents){0};
}

/* Into `ret_home`, where that process lets itself be looked at. */
static bool look_at(pid_t pid, struct residents_home *ret_home) {
  char path[40];
  struct stat status;

  (void) snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int) pid);
  if (stat(path, &status) < 0)
    return false;
  ret_home->device = status.st_dev;
  ret_home->inode = status.st_ino;
  return true;
}

pid_t residents_find_home(pid_t first, struct residents_home *ret_home) {
  char path[64];
  int child = 0;
  bool is_found = false;

  *ret_home = (struct residents_home){.first = first};
  if (look_at(first, ret_home))
    return first;
  (void) snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int) first, (int) first);
  FILE *children = fopen(path, "re");
  while (children != NULL && !is_found && fscanf(children, "%d", &child) == 1)
    is_found = look_at(child, ret_home);
  if (children != NULL)
    (void) fclose(children);
  return is_found ? child : 0;
}
