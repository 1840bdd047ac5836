/* console.c — the terminal of a container, as its first process makes it.
 *
 * Theory of operation: what lies at /dev was chosen by an image or by a mount of the user's, and
 * another container may be changing it. So every name is looked up once, under the root; what is
 * found is asked what it is; and from there on only descriptors are used: the slave comes from
 * its master (TIOCGPTPEER), and is mounted on /dev/console as what it is open on, not as a path
 * (CVE-2025-52565, where a link in place of the slave moved some other file there).
 */
#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/inside.h"
#include "../core/mounts.h"
#include "../core/sync.h"

#define DEVPTS_MAGIC 0x1cd1
#define PTMX "/dev/pts/ptmx"
#define CONSOLE "/dev/console"

/* The device of that name in any directory but a devpts would be somebody else's. */
static bool is_ptmx(int fd) {
  struct stat status;
  struct statfs filesystem;

  return fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == makedev(5, 2) &&
         fstatfs(fd, &filesystem) == 0 && filesystem.f_type == DEVPTS_MAGIC;
}

static int open_master(int root, int *ret_master, struct failure *why) {
  autoclose int place = -1;
  char path[32];
  int locked = 0;
  int r;

  r = inside_open(root, PTMX, O_NOFOLLOW, &place, why);
  if (r < 0)
    return r;
  if (!is_ptmx(place))
    return fail(why, ENXIO, "open " PTMX " in the container: it is not that of a devpts");

  (void) snprintf(path, sizeof path, "/proc/self/fd/%d", place);
  autoclose int master = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (master < 0)
    return fail(why, errno, "open " PTMX " in the container");
  if (ioctl(master, TIOCSPTLCK, &locked) < 0)
    return fail(why, errno, "unlock the terminal");
  *ret_master = steal_fd(&master);
  return 0;
}

/* Without following a link at its end: that could lead to a file of the kernel's. */
static int open_console(int root, int *ret_place, struct failure *why) {
  autoclose int directory = -1;
  struct stat status;
  int r;

  r = inside_open(root, "/dev", O_DIRECTORY, &directory, why);
  if (r < 0)
    return r;
  autoclose int made =
      openat(directory, "console", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (made < 0 && errno != EEXIST)
    return fail(why, errno, "make " CONSOLE " in the container");

  autoclose int place = openat(directory, "console", O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (place < 0 || fstat(place, &status) < 0)
    return fail(why, errno, "open " CONSOLE " in the container");
  if (S_ISLNK(status.st_mode) || S_ISDIR(status.st_mode))
    return fail(why, EINVAL, "mount on " CONSOLE ": it is a link or a directory");
  *ret_place = steal_fd(&place);
  return 0;
}

static int mount_console(int root, int slave, struct failure *why) {
  autoclose int place = -1;
  const int r = open_console(root, &place, why);

  return r < 0 ? r : mounts_bind_open(slave, place, CONSOLE, why);
}

static int open_pair(int root, int *ret_master, int *ret_slave, struct failure *why) {
  autoclose int master = -1;
  const int r = open_master(root, &master, why);

  if (r < 0)
    return r;
  *ret_slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (*ret_slave < 0)
    return fail(why, errno, "open the terminal's slave");
  *ret_master = steal_fd(&master);
  return 0;
}

static int hand_over(int master, int slave, int sync, struct failure *why) {
  const int r = sync_send_fd(sync, SYNC_TERMINAL, master, why);

  if (r < 0)
    return r;
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (dup2(slave, fd) < 0)
      return fail(why, errno, "hand over descriptor %d", fd);
  return 0;
}

int console_open(int root, int sync, struct failure *why) {
  autoclose int master = -1;
  autoclose int slave = -1;
  int r;

  r = open_pair(root, &master, &slave, why);
  if (r < 0)
    return r;
  r = mount_console(root, slave, why);
  if (r < 0)
    return r;
  return hand_over(master, slave, sync, why);
}

int console_open_another(int root, int sync, struct failure *why) {
  autoclose int master = -1;
  autoclose int slave = -1;
  const int r = open_pair(root, &master, &slave, why);

  return r < 0 ? r : hand_over(master, slave, sync, why);
}

/* The group stays that of devpts: tty, where there is one. */
int console_own(uid_t uid, struct failure *why) {
  if (fchown(STDIN_FILENO, uid, (gid_t) -1) < 0)
    return fail(why, errno, "give the terminal to user %u", uid);
  return 0;
}

int console_control(struct failure *why) {
  if (getsid(0) != getpid() && setsid() < 0)
    return fail(why, errno, "make a session");
  if (ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0)
    return fail(why, errno, "take the terminal");
  return 0;
}
