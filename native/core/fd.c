#include "fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "syscalls.h"

int fd_open_inside(int directory, const char *path, int flags) {
  const struct open_how how = {
      .flags = (unsigned) (flags | O_NOFOLLOW | O_CLOEXEC),
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
  };

  return sys_openat2(directory, path[0] == '\0' ? "." : path, &how);
}

int fd_may_write_again(int fd) {
  struct pollfd waiting = {.fd = fd, .events = POLLOUT};

  return errno == EINTR || (errno == EAGAIN && (poll(&waiting, 1, -1) >= 0 || errno == EINTR));
}

int fd_write_all(int fd, const void *bytes, size_t size, struct failure *why) {
  const char *from = bytes;

  while (size > 0) {
    const ssize_t n = write(fd, from, size);

    if (n < 0 && fd_may_write_again(fd))
      continue;
    if (n < 0)
      return fail(why, errno, "write");
    from += n;
    size -= (size_t) n;
  }
  return 0;
}

static int read_up_to(int fd, char *bytes, size_t limit, size_t *ret_size, const char *path,
                      struct failure *why) {
  size_t size = 0;

  for (;;) {
    const ssize_t n = read(fd, bytes + size, limit - size);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return fail(why, errno, "read %s", path);
    if (n == 0)
      break;
    size += (size_t) n;
    if (size == limit)
      return fail(why, EFBIG, "read %s", path);
  }
  *ret_size = size;
  return 0;
}

int fd_read_file(int dirfd, const char *path, size_t limit, char **ret_bytes, size_t *ret_size,
                 struct failure *why) {
  autoclose int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

  if (fd < 0)
    return fail(why, errno, "open %s", path);
  const struct fd_source source = {.fd = fd, .name = path, .limit = limit};
  return fd_read(&source, ret_bytes, ret_size, why);
}

int fd_read(const struct fd_source *source, char **ret_bytes, size_t *ret_size,
            struct failure *why) {
  const int fd = source->fd;
  const char *path = source->name;
  size_t limit = source->limit;
  struct stat status;
  size_t size = 0;
  int r;

  if (fstat(fd, &status) < 0)
    return fail(why, errno, "stat %s", path);
  if (status.st_size > 0 && (size_t) status.st_size < limit)
    limit = (size_t) status.st_size + 1; /* what grows meanwhile is cut by EFBIG */

  autofree char *bytes = malloc(limit + 1);
  if (bytes == NULL)
    return fail(why, ENOMEM, "read %s", path);
  r = read_up_to(fd, bytes, limit, &size, path, why);
  if (r < 0)
    return r;
  bytes[size] = '\0';
  *ret_size = size;
  *ret_bytes = bytes;
  bytes = NULL;
  return 0;
}

int fd_write_file(int dirfd, const char *path, const char *text, struct failure *why) {
  autoclose int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC);

  if (fd < 0)
    return fail(why, errno, "open %s", path);
  const ssize_t n = write(fd, text, strlen(text));
  if (n < 0 || (size_t) n != strlen(text))
    return fail(why, n < 0 ? errno : EIO, "write %s", path);
  return 0;
}

void fd_attach(struct msghdr *message, union fd_rights *rights, int fd) {
  memset(rights, 0, sizeof *rights);
  rights->header.cmsg_level = SOL_SOCKET;
  rights->header.cmsg_type = SCM_RIGHTS;
  rights->header.cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(&rights->header), &fd, sizeof fd);
  message->msg_control = rights;
  message->msg_controllen = sizeof *rights;
}

int fd_detach(struct msghdr *message) {
  const struct cmsghdr *header = CMSG_FIRSTHDR(message);
  int fd = -1;

  if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
      header->cmsg_len >= CMSG_LEN(sizeof fd))
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return fd;
}

int fd_send(int socket, int fd, struct failure *why) {
  char byte = 0;
  struct iovec data = {.iov_base = &byte, .iov_len = 1};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
  union fd_rights rights;

  fd_attach(&message, &rights, fd);
  if (sendmsg(socket, &message, MSG_NOSIGNAL) < 0)
    return fail(why, errno, "send a descriptor");
  return 0;
}

int fd_receive(int socket, int *ret_fd, struct failure *why) {
  char byte;
  struct iovec data = {.iov_base = &byte, .iov_len = 1};
  union fd_rights rights = {0};
  struct msghdr message = {
      .msg_iov = &data, .msg_iovlen = 1, .msg_control = &rights, .msg_controllen = sizeof rights};

  if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) < 0)
    return fail(why, errno, "receive a descriptor");
  *ret_fd = fd_detach(&message);
  return *ret_fd < 0 ? fail(why, EPROTO, "receive a descriptor: none came") : 0;
}
