#include "console_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "../core/cleanup.h"
#include "../core/fd.h"
#include "local_socket.h"

/* The text is what runc calls the file; readers want some, and no more than one descriptor. */
int console_socket_send(const char *path, int master, struct failure *why) {
  static char name[] = "/dev/ptmx";
  struct iovec data = {.iov_base = name, .iov_len = sizeof name - 1};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
  union fd_rights rights;
  autoclose int connection = -1;
  int r;

  r = local_socket_connect(path, "console socket", &connection, why);
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
