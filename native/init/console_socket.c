#include "console_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/fd.h"

/* By its descriptor: a path of more than 107 bytes does not fit into an address. */
static int connect_to(const char *path, int *ret_socket, struct failure *why) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  autoclose int place = open(path, O_PATH | O_CLOEXEC);
  autoclose int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (place < 0)
    return fail(why, errno, "open the console socket %s", path);
  if (connection < 0)
    return fail(why, errno, "create a socket");
  (void) snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d", place);
  if (connect(connection, (const struct sockaddr *) &address, sizeof address) < 0)
    return fail(why, errno, "connect to the console socket %s", path);
  *ret_socket = steal_fd(&connection);
  return 0;
}

/* The text is what runc calls the file; readers want some, and no more than one descriptor. */
int console_socket_send(const char *path, int master, struct failure *why) {
  static char name[] = "/dev/ptmx";
  struct iovec data = {.iov_base = name, .iov_len = sizeof name - 1};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
  union fd_rights rights;
  autoclose int connection = -1;
  int r;

  r = connect_to(path, &connection, why);
  if (r < 0)
    return r;
  /* Others' terminals block, and some readers count on it. */
  const int flags = fcntl(master, F_GETFL);
  if (flags < 0 || fcntl(master, F_SETFL, flags & ~O_NONBLOCK) < 0)
    return fail(why, errno, "have the terminal block");
  fd_attach(&message, &rights, master);
  if (sendmsg(connection, &message, MSG_NOSIGNAL) < 0)
    return fail(why, errno, "send the terminal to the console socket %s", path);
  return 0;
}
