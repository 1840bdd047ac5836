/* test_console_socket.c — a descriptor for whoever listens, at paths of any length. */
#include "../init/console_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../core/fd.h"
#include "tap.h"

static char folder[] = "/tmp/marmita-console-XXXXXX";

static int listen_at(const char *name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  snprintf(address.sun_path, sizeof address.sun_path, "%s", name);
  if (bind(listener, (struct sockaddr *) &address, sizeof address) < 0 || listen(listener, 1) < 0)
    return -1;
  return listener;
}

/* As readers of other runtimes' messages do: all of the text at once, and one descriptor. */
static int receive(int listener, char *text, size_t size) {
  const int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  struct iovec data = {.iov_base = text, .iov_len = size - 1};
  union fd_rights rights = {0};
  struct msghdr message = {
      .msg_iov = &data, .msg_iovlen = 1, .msg_control = &rights, .msg_controllen = sizeof rights};
  const ssize_t n = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);

  text[n < 0 ? 0 : n] = '\0';
  (void) close(connection);
  return message.msg_flags & MSG_CTRUNC ? -1 : fd_detach(&message);
}

static void sends(const char *name) {
  const int sent = open("/dev/null", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  const int listener = listen_at("short");
  struct failure why = {0};
  struct stat status = {0}, wanted = {0};
  char path[400], text[100];

  (void) rename("short", name);
  snprintf(path, sizeof path, "%s/%s", folder, name);
  is_int(console_socket_send(path, sent, &why), 0, "a descriptor is sent");
  const int got = receive(listener, text, sizeof text);
  is_text(text, "/dev/ptmx", "beside a text that some insist on");
  is_int(fstat(got, &status) == 0 && fstat(sent, &wanted) == 0, 1, "it came");
  is_int(status.st_rdev == wanted.st_rdev, 1, "and is the one");
  is_int(fcntl(got, F_GETFL) & O_NONBLOCK, 0, "which blocks");
  (void) close(got);
  (void) close(sent);
  (void) close(listener);
  is_int(console_socket_send(path, 0, &why), -ECONNREFUSED, "nobody listens any more");
  (void) unlink(name);
  is_int(console_socket_send(path, 0, &why), -ENOENT, "nor is it there");
}

int main(void) {
  char name[200] = {0};

  if (mkdtemp(folder) == NULL || chdir(folder) < 0)
    return 1;
  sends("socket");
  memset(name, 'n', sizeof name - 1);
  sends(name);
  (void) rmdir(folder);
  return done_testing();
}
