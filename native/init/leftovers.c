#include "leftovers.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/syscalls.h"

/* Longer than the kernel takes to end anything that can be ended. */
#define MAX_ROUNDS 5000

int leftovers_adopt(struct failure *why) {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
    return fail(why, errno, "become the parent of orphans");
  return 0;
}

static bool mount_namespace_of(pid_t pid, struct stat *ret_status) {
  char path[40];

  (void) snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int) pid);
  return stat(path, ret_status) == 0;
}

int leftovers_note(int mounts, struct leftovers *ret_leftovers, struct failure *why) {
  struct stat status;

  if (fstat(mounts, &status) < 0)
    return fail(why, errno, "look at the container's mount namespace");
  ret_leftovers->device = status.st_dev;
  ret_leftovers->inode = status.st_ino;
  return 0;
}

static bool is_spared(pid_t pid, const pid_t *spared) {
  for (; *spared != 0; spared++)
    if (*spared == pid)
      return true;
  return false;
}

/* One child that has ended, without taking its status yet; 0 when there is none. */
static pid_t ended_child(void) {
  siginfo_t info = {0};

  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ? 0 : info.si_pid;
}

/* What is done with a child; returns how many times it was. */
typedef int (*deed_function)(pid_t pid);

/* Our children but the spared ones. A kernel without this file (CONFIG_PROC_CHILDREN) lists none.
 */
static int for_children(const pid_t *spared, deed_function deed) {
  FILE *file = fopen("/proc/thread-self/children", "re");
  int count = 0;
  int pid = 0;

  if (file == NULL)
    return 0;
  while (fscanf(file, "%d", &pid) == 1)
    if (!is_spared(pid, spared))
      count += deed(pid);
  (void) fclose(file);
  return count;
}

static int reap_child(pid_t pid) {
  return waitpid(pid, NULL, WNOHANG) > 0;
}

static int kill_child(pid_t pid) {
  return kill(pid, SIGKILL) == 0;
}

void leftovers_reap(const pid_t *spared) {
  for (pid_t pid = ended_child(); pid != 0; pid = ended_child()) {
    if (is_spared(pid, spared)) {
      /* It is shown again and again, and hides those behind it. */
      (void) for_children(spared, reap_child);
      return;
    }
    if (waitpid(pid, NULL, WNOHANG) <= 0)
      return;
  }
}

/* By way of a pidfd: the number may be another's by the time it is known to be one of ours. */
static bool kill_resident(const struct leftovers *leftovers, pid_t pid) {
  autoclose int pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
  struct stat status;

  return pidfd >= 0 && mount_namespace_of(pid, &status) && status.st_ino == leftovers->inode &&
         status.st_dev == leftovers->device && sys_pidfd_send_signal(pidfd, SIGKILL) == 0;
}

static int kill_residents(const struct leftovers *leftovers) {
  DIR *directory = opendir("/proc");
  int count = 0;

  if (directory == NULL)
    return 0;
  for (const struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory))
    if (isdigit((unsigned char) entry->d_name[0]))
      count += kill_resident(leftovers, (pid_t) atoi(entry->d_name));
  (void) closedir(directory);
  return count;
}

void leftovers_end(const struct leftovers *leftovers, const pid_t *spared) {
  const struct timespec moment = {.tv_nsec = 1000000};

  if (leftovers->inode == 0)
    return;
  for (int round = 0; round < MAX_ROUNDS; round++) {
    /* Children too: those that went into another mount namespace. */
    if (for_children(spared, kill_child) + kill_residents(leftovers) == 0)
      return;
    (void) nanosleep(&moment, NULL);
    leftovers_reap(spared);
  }
}
