/* fd.h — whole reads and writes, and descriptors sent from process to process. */
#pragma once

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "failure.h"

/* All bytes or a failure; interrupted calls, and descriptors that do not block, are retried. */
int fd_write_all(int fd, const void *bytes, size_t size, struct failure *why);

/* Open `path`, "" being `directory` itself, by no link and never outside of it; flags beside
 * O_NOFOLLOW|O_CLOEXEC. A descriptor, or -1 and errno. */
int fd_open_inside(int directory, const char *path, int flags);

/* After a failed write: whether it may be tried again; waits until there is room. */
int fd_may_write_again(int fd);

/* A whole file of at most `limit` bytes; the caller frees. EFBIG when it is larger. A NUL
 * stands behind the bytes and is not counted. */
int fd_read_file(int dirfd, const char *path, size_t limit, char **ret_bytes, size_t *ret_size,
                 struct failure *why);

/* The same of an open descriptor, which stays the caller's, from where it stands to its end. */
struct fd_source {
  int fd;
  const char *name; /* for error texts */
  size_t limit;
};
int fd_read(const struct fd_source *source, char **ret_bytes, size_t *ret_size,
            struct failure *why);

/* Open, write in one call, close: for the files of /proc, which take no second write. */
int fd_write_file(int dirfd, const char *path, const char *text, struct failure *why);

/* Room in a message for one descriptor (SCM_RIGHTS). */
union fd_rights {
  struct cmsghdr header;
  char bytes[CMSG_SPACE(sizeof(int))];
};

/* Let `fd` go with a message that is to be sent; `rights` lives as long as the message. */
void fd_attach(struct msghdr *message, union fd_rights *rights, int fd);
/* The descriptor that came with a message, or -1. */
int fd_detach(struct msghdr *message);

/* One descriptor over a unix socket, with one byte beside it. */
int fd_send(int socket, int fd, struct failure *why);
int fd_receive(int socket, int *ret_fd, struct failure *why);
