#include "workdir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/inside.h"

/* Outside of our root the kernel says "(unreachable)/…", which no libc hands on. */
static int stay_below_root(void) {
  char path[PATH_MAX];

  if (syscall(SYS_getcwd, path, sizeof path) < 0)
    return -errno;
  return path[0] == '/' ? 0 : -EXDEV;
}

static int enter(const char *path, struct failure *why) {
  autoclose int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  autoclose int fd = -1;
  int r;

  if (root < 0)
    return -errno;
  r = inside_open(root, path, O_DIRECTORY, &fd, why);
  if (r < 0)
    return r;
  if (fchdir(fd) < 0)
    return -errno;
  r = stay_below_root();
  if (r < 0)
    (void) fchdir(root);
  return r;
}

int workdir_enter(const char *path, struct failure *why) {
  const int r = enter(path, why);

  return r < 0 ? fail(why, -r, "enter working directory %s", path) : 0;
}
