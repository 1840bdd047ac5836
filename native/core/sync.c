#include "sync.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"

struct packet {
  enum sync message;
  struct failure failure; /* meaningful for SYNC_FAILED only */
};

static const char *sync_name(enum sync message) {
  switch (message) {
    case SYNC_MAPPED: return "mapped";
    case SYNC_NAMESPACE: return "namespace";
    case SYNC_TERMINAL: return "terminal";
    case SYNC_HOOKS: return "hooks";
    case SYNC_HOOKED: return "hooked";
    case SYNC_READY: return "ready";
    case SYNC_PROCEED: return "proceed";
    case SYNC_RELEASED: return "released";
    case SYNC_FAILED: return "failed";
  }
  return "?";
}

int sync_open(int *ret_keeper, int *ret_child, struct failure *why) {
  int ends[2];

  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
    return fail(why, errno, "create sync socket");
  *ret_keeper = ends[0];
  *ret_child = ends[1];
  return 0;
}

static int send_packet(int fd, struct packet *packet, int descriptor) {
  struct iovec data = {.iov_base = packet, .iov_len = sizeof *packet};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
  union fd_rights rights;
  ssize_t n;

  if (descriptor >= 0)
    fd_attach(&message, &rights, descriptor);
  do
    n = sendmsg(fd, &message, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  return n < 0 ? -errno : 0;
}

int sync_send_fd(int fd, enum sync message, int descriptor, struct failure *why) {
  struct packet packet = {.message = message};
  int r = send_packet(fd, &packet, descriptor);

  return r < 0 ? fail(why, -r, "send %s", sync_name(message)) : 0;
}

int sync_send(int fd, enum sync message, struct failure *why) {
  return sync_send_fd(fd, message, -1, why);
}

/* The peer's failure becomes ours. Its bytes are not trusted: a zero errno would
 * read as success. */
static int adopt(const struct failure *theirs, struct failure *why) {
  const int errnum = theirs->errnum > 0 ? theirs->errnum : EPROTO;

  (void) fail(why, errnum, "%.*s", (int) sizeof theirs->what - 1, theirs->what);
  (void) snprintf(why->step, sizeof why->step, "%.*s", (int) sizeof theirs->step - 1, theirs->step);
  return -errnum;
}

static int peer_died(const char *awaited, struct failure *why) {
  return fail(why, EPIPE, "wait for %s: peer died", awaited);
}

/* 1: a packet came; 0: the peer closed its end, having heard all that it was told: else that is
 * EPIPE. The descriptor, -1 without one, is the caller's. */
static int receive_packet(int fd, const char *awaited, struct packet *ret_packet,
                          int *ret_descriptor, struct failure *why) {
  struct iovec data = {.iov_base = ret_packet, .iov_len = sizeof *ret_packet};
  union fd_rights rights = {0};
  struct msghdr message = {
      .msg_iov = &data, .msg_iovlen = 1, .msg_control = &rights, .msg_controllen = sizeof rights};
  ssize_t n;

  do
    n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return errno == ECONNRESET ? peer_died(awaited, why) : fail(why, errno, "receive from peer");
  *ret_descriptor = fd_detach(&message);
  if (n == 0)
    return 0;
  if (n != sizeof *ret_packet)
    return fail(why, EPROTO, "receive from peer: %zd bytes", n);
  if (ret_packet->message == SYNC_FAILED)
    return adopt(&ret_packet->failure, why);
  return 1;
}

/* The descriptor is -1 where none came. */
static int expect(int fd, enum sync message, int *ret_descriptor, struct failure *why) {
  struct packet packet;
  int r = receive_packet(fd, sync_name(message), &packet, ret_descriptor, why);

  if (r < 0)
    return r;
  if (r == 0)
    return peer_died(sync_name(message), why);
  if (packet.message != message)
    return fail(why, EPROTO, "wait for %s: got %s", sync_name(message), sync_name(packet.message));
  return 0;
}

int sync_expect(int fd, enum sync message, struct failure *why) {
  autoclose int unasked = -1;

  return expect(fd, message, &unasked, why);
}

int sync_expect_fd(int fd, enum sync message, int *ret_descriptor, struct failure *why) {
  autoclose int descriptor = -1;
  int r = expect(fd, message, &descriptor, why);

  if (r < 0)
    return r;
  if (descriptor < 0)
    return fail(why, EPROTO, "wait for %s: no descriptor came", sync_name(message));
  *ret_descriptor = steal_fd(&descriptor);
  return 0;
}

int sync_expect_exec(int fd, struct failure *why) {
  struct packet packet;
  autoclose int unasked = -1;
  int r = receive_packet(fd, "exec", &packet, &unasked, why);

  if (r > 0)
    return fail(why, EPROTO, "wait for exec: got %s", sync_name(packet.message));
  return r;
}

bool sync_is_over(int fd) {
  struct pollfd polled = {.fd = fd};

  return poll(&polled, 1, 0) > 0 && (polled.revents & (POLLHUP | POLLERR)) != 0;
}

void sync_report(int fd, const struct failure *why) {
  struct packet packet = {.message = SYNC_FAILED, .failure = *why};

  (void) send_packet(fd, &packet, -1);
}
