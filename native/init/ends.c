#include "ends.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* A pipe with room has a page of it, a terminal a line. */
#define SURE_OF_PIPE 4096
#define SURE_OF_TERMINAL 128

#define LARGEST_PIPE (1 << 20)
#define ORDINARY_PIPE (1 << 16)

static bool is_null_device(const struct stat *status) {
  return S_ISCHR(status->st_mode) && status->st_rdev == makedev(1, 3);
}

static int open_anew(int fd, bool is_for_writing) {
  char path[32];

  (void) snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return open(path, (is_for_writing ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

struct end end_adopt(int standard, bool is_for_writing) {
  struct end end = {.fd = -1, .kind = END_FILE};
  struct stat status;

  if (fstat(standard, &status) < 0 || (is_for_writing && is_null_device(&status)))
    return END_NONE;
  if (S_ISSOCK(status.st_mode))
    end.kind = END_SOCKET;
  end.is_pipe = S_ISFIFO(status.st_mode);
  if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)) {
    end.fd = open_anew(standard, is_for_writing);
    end.kind = end.fd < 0 ? END_SHARED : END_OWN;
  }
  if (end.fd < 0 && errno == ENXIO && S_ISFIFO(status.st_mode))
    return END_NONE; /* nobody reads it any more */
  if (end.fd < 0)
    end.fd = fcntl(standard, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  return end;
}

ssize_t end_read(const struct end *end, char *bytes, size_t size) {
  if (end->kind == END_SOCKET)
    return recv(end->fd, bytes, size, MSG_DONTWAIT);
  return read(end->fd, bytes, size);
}

static size_t sure_of(const struct end *end, size_t size) {
  const size_t sure = isatty(end->fd) ? SURE_OF_TERMINAL : SURE_OF_PIPE;

  return size < sure ? size : sure;
}

ssize_t end_write(const struct end *end, const char *bytes, size_t size) {
  if (end->kind == END_SOCKET)
    return send(end->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  return write(end->fd, bytes, end->kind == END_SHARED ? sure_of(end, size) : size);
}

void end_enlarge(const struct end *end) {
  for (int size = LARGEST_PIPE; size > ORDINARY_PIPE; size /= 2)
    if (fcntl(end->fd, F_SETPIPE_SZ, size) >= 0 || errno == EBADF)
      return;
}

void end_close(struct end *end) {
  if (end->fd >= 0)
    (void) close(end->fd);
  end->fd = -1;
}
