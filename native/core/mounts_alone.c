/* A mount that stops to be shared, found by what lies on it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "mounts.h"
#include "syscalls.h"

static bool is_same(int one, int other) {
  struct stat first, second;

  return fstat(one, &first) == 0 && fstat(other, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

/* The directory above on the same mount: 1 with it, 0 when there is none. */
static int climb(int *fd, struct failure *why) {
  const struct open_how how = {
      .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
      .resolve = RESOLVE_NO_XDEV,
  };
  autoclose int above = -1;

  do /* EAGAIN: a rename raced with the walk (openat2(2)) */
    above = sys_openat2(*fd, "..", &how);
  while (above < 0 && (errno == EAGAIN || errno == EINTR));
  if (above < 0)
    return errno == EXDEV ? 0 : fail(why, errno, "look for the mount");
  if (is_same(above, *fd))
    return 0;
  (void) close(*fd);
  *fd = steal_fd(&above);
  return 1;
}

int mounts_make_alone(const char *path, struct failure *why) {
  const struct mount_attributes alone = {.propagation = MS_PRIVATE};
  autoclose int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int r;

  if (fd < 0)
    return fail(why, errno, "open %s", path);
  do
    r = climb(&fd, why);
  while (r > 0);
  if (r < 0)
    return r;
  if (sys_mount_setattr(fd, 0, &alone) < 0)
    return fail(why, errno, "stop mounts below %s from reaching the host", path);
  return 0;
}
