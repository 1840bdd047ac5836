/* cgroup.c — found by /proc, made and removed by mkdir and rmdir. */
#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/fd.h"

#define MOUNT "/sys/fs/cgroup"
/* As lib/runtime/own-cgroup.ts has it. */
#define PREFIX "marmita-"

enum { PATH_BYTES = 4096, TEXT_BYTES = 64 << 10, ROUNDS = 1000 };

static bool is_version_2(void) {
  struct statfs status;

  return statfs(MOUNT, &status) == 0 && status.f_type == CGROUP2_SUPER_MAGIC;
}

/* The directory of the group that `process` is in: `self`, or a number. */
static bool find_group(const char *process, char ret_path[static PATH_BYTES]) {
  char name[40];
  autofree char *text = NULL;
  size_t size = 0;
  struct failure ignored;

  (void) snprintf(name, sizeof name, "/proc/%.20s/cgroup", process);
  if (fd_read_file(AT_FDCWD, name, TEXT_BYTES, &text, &size, &ignored) < 0)
    return false;
  const char *line = strncmp(text, "0::/", 4) == 0 ? text : strstr(text, "\n0::/");
  if (line == NULL)
    return false;
  line = strchr(line, '/');
  const size_t length = strcspn(line, "\n");
  /* One that lies outside of our cgroup namespace, and cannot be reached by that path. */
  if (strncmp(line, "/..", 3) == 0)
    return false;
  const int n = snprintf(ret_path, PATH_BYTES, MOUNT "%.*s", (int) length, line);
  return n > 0 && n < PATH_BYTES;
}

/* Moving in and out of groups below it takes the right to write there. */
static bool is_ours(const char *group) {
  char path[PATH_BYTES + 16];

  (void) snprintf(path, sizeof path, "%s/cgroup.procs", group);
  autoclose int procs = open(path, O_WRONLY | O_CLOEXEC);
  return procs >= 0;
}

struct cgroup cgroup_make(const char *name) {
  struct cgroup cgroup = {.fd = -1};
  char own[PATH_BYTES], path[PATH_BYTES + 256];

  if (!is_version_2() || !find_group("self", own) || !is_ours(own))
    return cgroup;
  (void) snprintf(path, sizeof path, "%s%s%.200s", own, own[strlen(own) - 1] == '/' ? "" : "/",
                  name);
  if (mkdir(path, 0755) < 0 && errno != EEXIST)
    return cgroup;
  cgroup.path = strdup(path);
  cgroup.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (cgroup.path == NULL || cgroup.fd < 0)
    cgroup_remove(&cgroup);
  return cgroup;
}

int cgroup_open(const char *path, int *ret_fd, struct failure *why) {
  if (path == NULL)
    return 0;
  const int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return fail(why, errno, "open control group %s", path);
  *ret_fd = fd;
  return 0;
}

int cgroup_open_of(pid_t pid) {
  char process[16], path[PATH_BYTES];

  (void) snprintf(process, sizeof process, "%d", (int) pid);
  if (!is_version_2() || !find_group(process, path))
    return -1;
  const char *name = strrchr(path, '/');
  if (strncmp(name + 1, PREFIX, strlen(PREFIX)) != 0)
    return -1;
  return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

bool cgroup_is_frozen(pid_t pid) {
  autoclose int group = cgroup_open_of(pid);
  autofree char *text = NULL;
  size_t size = 0;
  struct failure ignored;

  return group >= 0 &&
         fd_read_file(group, "cgroup.events", TEXT_BYTES, &text, &size, &ignored) == 0 &&
         strstr(text, "frozen 1\n") != NULL;
}

/* What has ended is in it until the kernel is done with it. */
void cgroup_remove(struct cgroup *cgroup) {
  const struct timespec moment = {.tv_nsec = 1000000};

  if (cgroup->fd >= 0)
    (void) close(cgroup->fd);
  for (int round = 0; cgroup->path != NULL && round < ROUNDS; round++) {
    if (rmdir(cgroup->path) == 0 || errno != EBUSY)
      break;
    (void) nanosleep(&moment, NULL);
  }
  free(cgroup->path);
  *cgroup = (struct cgroup){.fd = -1};
}
