/* streams_bench.h — a keeper's streams without a container: we are Node, the command, and clients.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../core/tree.h"
#include "../init/frames.h"
#include "../init/streams.h"
#include "tap.h"

struct bench {
  struct streams *streams;
  char directory[64], log[80], socket[80];
  /* Node's ends: it writes `typing`, reads the others. */
  int typing, output, errors;
  /* The command's ends. */
  int in, out, err;
  char orders[256]; /* that were to be obeyed, each behind a blank */
};

static inline void fatal(const char *what) {
  perror(what);
  exit(1);
}

static inline int bench_obey(void *whose, const char *order, struct failure *why) {
  struct bench *bench = whose;

  if (strcmp(order, "no") == 0)
    return fail(why, ESRCH, "do \"%s\"", order);
  (void) strncat(bench->orders, " ", sizeof bench->orders - strlen(bench->orders) - 1);
  (void) strncat(bench->orders, order, sizeof bench->orders - strlen(bench->orders) - 1);
  return 0;
}

static int bench_saved[3];

static inline void bench_place(const int fds[static 3]) {
  fflush(stdout);
  for (int i = 0; i < 3; i++)
    (void) dup2(fds[i], i);
}

/* The command starts: what it gets as 0, 1 and 2 is ours. */
static inline void bench_begin(struct bench *bench) {
  struct failure why = {0};

  fflush(stdout);
  if (streams_begin(bench->streams, &why) < 0)
    fatal(why.what);
  bench->in = fcntl(0, F_DUPFD_CLOEXEC, 10);
  bench->out = fcntl(1, F_DUPFD_CLOEXEC, 10);
  bench->err = fcntl(2, F_DUPFD_CLOEXEC, 10);
  (void) fcntl(bench->out, F_SETFL, O_NONBLOCK);
  streams_begun(bench->streams);
  bench_place(bench_saved);
}

static inline void bench_set_up(struct bench *bench, struct streams_options options) {
  struct failure why = {0};
  int ends[3][2];

  memset(bench, 0, sizeof *bench);
  (void) snprintf(bench->directory, sizeof bench->directory, "/tmp/marmita-streams-XXXXXX");
  if (mkdtemp(bench->directory) == NULL)
    fatal("mkdtemp");
  (void) snprintf(bench->log, sizeof bench->log, "%s/log", bench->directory);
  (void) snprintf(bench->socket, sizeof bench->socket, "%s/socket", bench->directory);
  for (int i = 0; i < 3; i++)
    if (options.has_terminal && i == 1 ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends[i])
                                       : pipe2(ends[i], O_CLOEXEC))
      fatal("pipe");
  bench->typing = ends[0][1];
  bench->output = ends[1][0];
  bench->errors = ends[2][0];
  (void) fcntl(bench->output, F_SETFL, O_NONBLOCK);
  (void) fcntl(bench->errors, F_SETFL, O_NONBLOCK);
  for (int i = 0; i < 3; i++)
    bench_saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
  bench_place((int[]){ends[0][0], ends[1][1], ends[2][1]});
  (void) close(ends[0][0]);
  (void) close(ends[1][1]);
  (void) close(ends[2][1]);
  options.obey = bench_obey;
  options.whose = bench;
  options.is_relayed = true;
  options.socket = bench->socket;
  if (streams_open(&options, &bench->streams, &why) < 0)
    fatal(why.what);
  streams_greet(bench->streams, "{\"event\":\"hello\"}");
  bench_begin(bench);
}

static inline void bench_close(int *slot) {
  if (*slot >= 0)
    (void) close(*slot);
  *slot = -1;
}

/* The command ends, and with it what it has open. */
static inline void bench_end(struct bench *bench, int owner) {
  bench_close(&bench->in);
  bench_close(&bench->out);
  bench_close(&bench->err);
  streams_end(bench->streams, owner);
}

static inline void bench_tear_down(struct bench *bench) {
  struct failure why;

  bench_end(bench, -1);
  streams_close(bench->streams, NULL);
  bench_close(&bench->typing);
  bench_close(&bench->output);
  bench_close(&bench->errors);
  for (int i = 0; i < 3; i++)
    (void) close(bench_saved[i]);
  (void) tree_remove(AT_FDCWD, bench->directory, &why);
}

/* As the keeper's loop does, until nothing happens for so long. How often something did. */
static inline int bench_turn(struct bench *bench, int quiet_ms) {
  struct pollfd polled[STREAMS_POLLED];

  for (int turns = 0;; turns++) {
    nfds_t count;
    const int timeout = streams_watch(bench->streams, polled, &count);
    const int wait = timeout >= 0 && timeout < quiet_ms ? timeout : quiet_ms;
    const int n = poll(polled, count, wait);

    streams_serve(bench->streams, polled);
    if (n == 0 && wait == quiet_ms)
      return turns;
    if (n == 0)
      quiet_ms -= wait;
  }
}

static inline int bench_connect(const struct bench *bench) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  (void) snprintf(address.sun_path, sizeof address.sun_path, "%s", bench->socket);
  if (connect(fd, (struct sockaddr *) &address, sizeof address) < 0)
    fatal("connect");
  return fd;
}

static inline void bench_send(int fd, enum frame_type type, const char *bytes) {
  unsigned char header[FRAME_HEADER];

  frame_write_header(header, type, strlen(bytes));
  (void) send(fd, header, sizeof header, MSG_NOSIGNAL);
  (void) send(fd, bytes, strlen(bytes), MSG_NOSIGNAL);
}

/* Every frame there is, as "3{…}1bytes"; a "." where it ends. */
static inline const char *bench_frames(int fd) {
  static char text[1 << 20];
  unsigned char header[FRAME_HEADER];
  size_t used = 0;
  uint32_t size;
  ssize_t n;

  while ((n = recv(fd, header, sizeof header, 0)) == sizeof header) {
    memcpy(&size, header + 4, sizeof size);
    text[used++] = (char) ('0' + header[0]);
    for (size = ntohl(size); size > 0; size -= (uint32_t) n, used += (size_t) n)
      if ((n = recv(fd, text + used, size, 0)) <= 0)
        return "(half a frame)";
  }
  if (n >= 0)
    text[used++] = '.';
  text[used] = '\0';
  return text;
}

static inline const char *bench_read(int fd) {
  static char text[1 << 16];
  const ssize_t n = read(fd, text, sizeof text - 1);

  text[n < 0 ? 0 : n] = '\0';
  return n == 0 ? "(end)" : text;
}
