/* fuzz_frames.c — clients that send any bytes, in any pieces, to a keeper that has a command.
 *
 * Of each piece the first byte says who sends it, and what happens then; the second how long it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../init/streams_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CLIENTS = 3 };

static int obey(void *whose, const char *order, struct failure *why) {
  if (strlen(order) >= CLIENT_ORDER)
    abort();
  return order[0] == 'n' ? fail(why, ESRCH, "do %s", order) : 0;
}

static void turn(struct streams *streams) {
  struct pollfd polled[STREAMS_POLLED];
  nfds_t count;

  (void) streams_watch(streams, polled, &count);
  (void) poll(polled, count, 0);
  streams_serve(streams, polled);
}

/* What a client is told: whole frames, of the types there are. */
static void check(const unsigned char *bytes, size_t size) {
  while (size >= FRAME_HEADER) {
    const size_t length = (size_t) bytes[6] << 8 | bytes[7];

    if (bytes[0] < FRAME_OUTPUT || bytes[0] > FRAME_WORDS || bytes[1] != 0 || bytes[4] != 0)
      abort();
    if (size < FRAME_HEADER + length)
      return;
    bytes += FRAME_HEADER + length;
    size -= FRAME_HEADER + length;
  }
}

static void hang_up(int *fd) {
  static unsigned char told[1 << 20];
  size_t used = 0;

  for (ssize_t n = 1; n > 0 && used<sizeof told; used += n> 0 ? (size_t) n : 0)
    n = recv(*fd, told + used, sizeof told - used, MSG_DONTWAIT);
  check(told, used);
  (void) close(*fd);
  *fd = -1;
}

static void connect_to(struct streams *streams, int *fd) {
  int ends[2];

  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) < 0)
    abort();
  *fd = ends[0];
  clients_add(streams, ends[1]);
}

static size_t send_piece(int fd, const uint8_t *data, size_t size) {
  const size_t length = data[1] < size - 2 ? data[1] : size - 2;

  if (fd >= 0)
    (void) send(fd, data + 2, length, MSG_NOSIGNAL);
  return 2 + length;
}

static struct streams *open_streams(int *ret_in, int *ret_out) {
  const struct streams_options options = {.is_relayed = true, .is_input_open = true, .obey = obey};
  struct streams *streams;
  struct failure why;
  int saved[3];

  for (int i = 0; i < 3; i++)
    saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
  if (streams_open(&options, &streams, &why) < 0 || streams_begin(streams, &why) < 0)
    abort();
  *ret_in = fcntl(0, F_DUPFD_CLOEXEC, 10);
  *ret_out = fcntl(1, F_DUPFD_CLOEXEC, 10);
  (void) fcntl(*ret_in, F_SETFL, O_NONBLOCK);
  (void) fcntl(*ret_out, F_SETFL, O_NONBLOCK);
  streams_begun(streams);
  for (int i = 0; i < 3; i++) {
    (void) dup2(saved[i], i);
    (void) close(saved[i]);
  }
  for (int i = 0; i < FLOWS; i++)
    end_close(&streams->flows[i].first); /* the fuzzer's own */
  end_close(&streams->input.first);
  streams_greet(streams, "{\"event\":\"hello\"}");
  return streams;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static char typed[4096];
  int fds[CLIENTS], in = -1, out = -1;
  struct streams *streams = open_streams(&in, &out);

  for (int i = 0; i < CLIENTS; i++)
    connect_to(streams, &fds[i]);
  while (size >= 2) {
    int *fd = &fds[data[0] % CLIENTS];
    const int what = data[0] / CLIENTS % 8;
    const size_t used = send_piece(*fd, data, size);

    data += used;
    size -= used;
    if (what == 1)
      (void) write(out, data, size < 100 ? size : 100);
    if (what == 2)
      (void) read(in, typed, sizeof typed);
    if (what == 3 && *fd >= 0)
      hang_up(fd);
    if (what == 4 && *fd >= 0)
      (void) shutdown(*fd, SHUT_WR);
    if (what == 5)
      streams_tell(streams, "{\"event\":\"died\"}");
    if (what != 6)
      turn(streams);
  }
  (void) close(in);
  (void) close(out);
  streams_end(streams, -1);
  streams_close(streams, "{\"event\":\"exited\"}");
  for (int i = 0; i < CLIENTS; i++)
    if (fds[i] >= 0)
      hang_up(&fds[i]);
  return 0;
}
