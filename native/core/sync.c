#include "sync.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

struct packet {
  enum sync message;
  struct failure failure; /* meaningful for SYNC_FAILED only */
};

static const char *sync_name(enum sync message) {
  switch (message) {
    case SYNC_MAPPED: return "mapped";
    case SYNC_READY: return "ready";
    case SYNC_PROCEED: return "proceed";
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

static int send_packet(int fd, const struct packet *packet) {
  ssize_t n;

  do
    n = send(fd, packet, sizeof *packet, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  return n < 0 ? -errno : 0;
}

int sync_send(int fd, enum sync message, struct failure *why) {
  const struct packet packet = {.message = message};
  int r = send_packet(fd, &packet);

  return r < 0 ? fail(why, -r, "send %s", sync_name(message)) : 0;
}

/* The peer's failure becomes ours. Its bytes are not trusted: a zero errno would
 * read as success. */
static int adopt(const struct failure *theirs, struct failure *why) {
  const int errnum = theirs->errnum > 0 ? theirs->errnum : EPROTO;

  (void) fail(why, errnum, "%.*s", (int) sizeof theirs->what - 1, theirs->what);
  (void) snprintf(why->step, sizeof why->step, "%.*s", (int) sizeof theirs->step - 1, theirs->step);
  return -errnum;
}

/* 1: a packet came; 0: the peer closed its end. */
static int receive_packet(int fd, struct packet *ret_packet, struct failure *why) {
  ssize_t n;

  do
    n = recv(fd, ret_packet, sizeof *ret_packet, 0);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return fail(why, errno, "receive from peer");
  if (n == 0)
    return 0;
  if (n != sizeof *ret_packet)
    return fail(why, EPROTO, "receive from peer: %zd bytes", n);
  if (ret_packet->message == SYNC_FAILED)
    return adopt(&ret_packet->failure, why);
  return 1;
}

int sync_expect(int fd, enum sync message, struct failure *why) {
  struct packet packet;
  int r = receive_packet(fd, &packet, why);

  if (r < 0)
    return r;
  if (r == 0)
    return fail(why, EPIPE, "wait for %s: peer died", sync_name(message));
  if (packet.message != message)
    return fail(why, EPROTO, "wait for %s: got %s", sync_name(message), sync_name(packet.message));
  return 0;
}

int sync_expect_exec(int fd, struct failure *why) {
  struct packet packet;
  int r = receive_packet(fd, &packet, why);

  if (r > 0)
    return fail(why, EPROTO, "wait for exec: got %s", sync_name(packet.message));
  return r;
}

void sync_report(int fd, const struct failure *why) {
  const struct packet packet = {.message = SYNC_FAILED, .failure = *why};

  (void) send_packet(fd, &packet);
}
