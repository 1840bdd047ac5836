/* Theory of operation. A byte in the pipe means that there is something to sync; all that came
 * while it was at it are one. The end of the pipe is our own. */
#include "settle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "aside.h"

/* What a disk takes some tenths of a second for. Less, and syncing holds up who creates files. */
#define ENOUGH_BYTES ((size_t) 128 << 20)

struct settler {
  int fd;
  size_t bytes; /* since the last time */
  int pipe;
  pid_t pid; /* 0: not started; -1: it cannot be */
};

struct settler *settle_open(int fd) {
  struct settler *settler = calloc(1, sizeof *settler);

  if (settler != NULL) {
    settler->fd = fd;
    settler->pipe = -1;
  }
  return settler;
}

static _Noreturn void sync_when_told(int fd, int pipe) {
  char bytes[16];
  ssize_t n;

  while ((n = read(pipe, bytes, sizeof bytes)) != 0)
    if (n > 0)
      (void) syncfs(fd);
  _exit(EXIT_SUCCESS);
}

/* Without it, all is left to the end. */
static void start(struct settler *settler) {
  int ends[2];

  settler->pid = -1;
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
    return;
  autoclose int theirs = ends[0];
  settler->pipe = ends[1];
  (void) fcntl(theirs, F_SETFL, 0);
  settler->pid = aside_fork();
  if (settler->pid == 0) {
    (void) close(settler->pipe);
    sync_when_told(settler->fd, theirs);
  }
}

void settle_add(struct settler *settler, size_t size) {
  if (settler == NULL || (settler->bytes += size) < ENOUGH_BYTES)
    return;
  settler->bytes = 0;
  if (settler->pid == 0)
    start(settler);
  if (settler->pid > 0)
    (void) write(settler->pipe, "s", 1);
}

void settle_close(struct settler *settler) {
  if (settler == NULL)
    return;
  aside_end(settler->pid);
  if (settler->pipe >= 0)
    (void) close(settler->pipe);
  free(settler);
}
