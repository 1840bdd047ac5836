#include "blocking.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opened anew it is ours alone: what Node does with its own is not undone. It is opened without
 * waiting for whoever has the other end, who may be gone. */
static int open_anew(int fd, int access) {
  char path[32];

  (void) snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return open(path, access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static void make_blocking(int fd, int flags) {
  struct stat status;
  const int anew =
      fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode) ? open_anew(fd, flags & O_ACCMODE) : -1;

  if (anew >= 0) {
    (void) dup3(anew, fd, 0);
    (void) close(anew);
  }
  (void) fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

void blocking_streams(void) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
    const int flags = fcntl(fd, F_GETFL);

    if (flags >= 0 && (flags & O_NONBLOCK) != 0)
      make_blocking(fd, flags);
  }
}
