#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"
#include "syscalls.h"

/* Whether the path still names the file we have locked: its last holder may have deleted it. */
static bool is_current(int fd, const char *path) {
  struct stat ours, named;

  return fstat(fd, &ours) == 0 && stat(path, &named) == 0 && ours.st_ino == named.st_ino &&
         ours.st_dev == named.st_dev;
}

int lock_try(const char *path, struct lock_request request, int *ret_fd, struct failure *why) {
  const int create = request.create ? O_CREAT : 0;

  for (;;) {
    autoclose int fd = open(path, O_RDWR | create | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
      return fail(why, errno, "open lock %s", path);
    if (flock(fd, (request.exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0)
      return fail(why, errno, "lock %s", path);
    if (!is_current(fd, path))
      continue;
    *ret_fd = steal_fd(&fd);
    return 0;
  }
}

/* Locked before anything is in it: whoever finds it unlocked may take it for a dead process's
 * draft and delete it. */
static int open_draft(const char *draft, int *ret_fd, struct failure *why) {
  for (;;) {
    autoclose int fd = open(draft, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
      return fail(why, errno, "make %s", draft);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
      if (errno != EWOULDBLOCK)
        return fail(why, errno, "lock %s", draft);
      continue;
    }
    if (!is_current(fd, draft))
      continue;
    *ret_fd = steal_fd(&fd);
    return 0;
  }
}

int lock_create(const char *directory, const char *name, const char *text, int *ret_fd,
                struct failure *why) {
  char draft[4200], path[4200];
  autoclose int fd = -1;
  int r;

  if (snprintf(draft, sizeof draft, "%s/.draft-%s-%d", directory, name, (int) getpid()) >=
          (int) sizeof draft ||
      snprintf(path, sizeof path, "%s/%s", directory, name) >= (int) sizeof path)
    return fail(why, ENAMETOOLONG, "make %.64s…", directory);
  r = open_draft(draft, &fd, why);
  if (r < 0)
    return r;

  r = fd_write_all(fd, text, strlen(text), why);
  if (r == 0 && sys_rename_new(AT_FDCWD, draft, AT_FDCWD, path) < 0)
    r = fail(why, errno, "make %s", path);
  if (r < 0) {
    (void) unlink(draft);
    return r;
  }
  *ret_fd = steal_fd(&fd);
  return 0;
}
