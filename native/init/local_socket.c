#include "local_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../core/cleanup.h"

/* By its descriptor: a path of more than 107 bytes does not fit into an address. */
int local_socket_connect(const char *path, const char *what, int *ret_socket, struct failure *why) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  autoclose int place = open(path, O_PATH | O_CLOEXEC);
  autoclose int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (place < 0)
    return fail(why, errno, "open the %s %s", what, path);
  if (connection < 0)
    return fail(why, errno, "create a socket");
  (void) snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d", place);
  if (connect(connection, (const struct sockaddr *) &address, sizeof address) < 0)
    return fail(why, errno, "connect to the %s %s", what, path);
  *ret_socket = steal_fd(&connection);
  return 0;
}
