/* Theory of operation. Both processes share `struct ring`. The unpacker fills its slots in turn;
 * a byte over the socket says that one is full, and a byte back that it may be used again.
 *
 *        user                                  unpacker
 *                                          <-  FULL        per slot, at most SLOTS ahead
 *        FREE                              ->              the slot before it is done with
 *                                          <-  LAST        `result`, and `why` or `summary`
 *
 * End of file instead of a byte means that the other one has died. */
#include "ahead.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "verb.h"

#define SLOTS 4
#define SLOT_BYTES INFLATE_PIECE_MAX

enum message { FULL = 'f', FREE = 'e', LAST = 'l' };

struct ring {
  int sizes[SLOTS];
  int result;
  struct failure why;
  struct inflate_summary summary;
  unsigned char slots[SLOTS][SLOT_BYTES];
};

struct ahead {
  struct ring *ring;
  int socket;
  pid_t pid;
  unsigned taken; /* slots received so far */
  int has_ended;
};

static int tell(int socket, enum message message) {
  const char byte = (char) message;
  ssize_t n;

  do
    n = send(socket, &byte, 1, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  return n == 1 ? 0 : -1;
}

/* The other's message, -1 when it has died. */
static int listen_to(int socket) {
  char byte;
  ssize_t n;

  do
    n = recv(socket, &byte, 1, 0);
  while (n < 0 && errno == EINTR);
  return n == 1 ? byte : -1;
}

/* 0 at the end of the blob, or -errno. */
static int fill_slots(struct ring *ring, int socket, struct inflate *blob, struct failure *why) {
  const unsigned char *bytes;
  int n;

  for (unsigned filled = 0; (n = inflate_next(blob, &bytes, why)) > 0; filled++) {
    if (filled >= SLOTS && listen_to(socket) != FREE)
      _exit(EXIT_FAILURE); /* nobody is left who would want to know */
    memcpy(ring->slots[filled % SLOTS], bytes, (size_t) n);
    ring->sizes[filled % SLOTS] = n;
    if (tell(socket, FULL) < 0)
      _exit(EXIT_FAILURE);
  }
  return n;
}

static int unpack(struct ring *ring, int fd, int socket) {
  struct inflate *blob = NULL;

  int r = inflate_open(fd, -1, &blob, &ring->why);
  if (r == 0)
    r = fill_slots(ring, socket, blob, &ring->why);
  if (r == 0)
    r = inflate_finish(blob, &ring->summary, &ring->why);
  return r;
}

static _Noreturn void unpacker_main(struct ring *ring, int fd, int socket, pid_t parent) {
  (void) close(FD_EVENTS); /* Node waits for its end */
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
    _exit(EXIT_FAILURE);
  ring->result = unpack(ring, fd, socket);
  _exit(tell(socket, LAST) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static int start(struct ahead *ahead, int fd, struct failure *why) {
  autoclose int theirs = -1;
  int sockets[2];

  ahead->ring =
      mmap(NULL, sizeof *ahead->ring, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (ahead->ring == MAP_FAILED)
    return fail(why, errno, "share memory");
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
    return fail(why, errno, "create sockets");
  ahead->socket = sockets[0];
  theirs = sockets[1];

  const pid_t parent = getpid();
  ahead->pid = fork();
  if (ahead->pid < 0)
    return fail(why, errno, "fork");
  if (ahead->pid == 0) {
    (void) close(ahead->socket); /* or the end of file would never come */
    unpacker_main(ahead->ring, fd, theirs, parent);
  }
  return 0;
}

int ahead_start(int fd, struct ahead **ret_ahead, struct failure *why) {
  struct ahead *ahead = calloc(1, sizeof *ahead);

  if (ahead == NULL)
    return fail(why, ENOMEM, "read blob");
  ahead->ring = MAP_FAILED;
  ahead->socket = -1;
  ahead->pid = -1;
  const int r = start(ahead, fd, why);
  if (r < 0)
    ahead_stop(ahead);
  else
    *ret_ahead = ahead;
  return r;
}

/* What the unpacker left in the ring. */
static int end(struct ahead *ahead, struct failure *why) {
  ahead->has_ended = 1;
  if (ahead->ring->result < 0)
    *why = ahead->ring->why;
  return ahead->ring->result;
}

int ahead_next(void *context, const unsigned char **ret_bytes, struct failure *why) {
  struct ahead *ahead = context;
  const unsigned slot = ahead->taken % SLOTS;

  if (ahead->has_ended)
    return end(ahead, why);
  /* Best effort: the unpacker may be through with the blob, and gone. */
  if (ahead->taken > 0)
    (void) tell(ahead->socket, FREE);
  switch (listen_to(ahead->socket)) {
    case FULL:
      ahead->taken++;
      *ret_bytes = ahead->ring->slots[slot];
      return ahead->ring->sizes[slot];
    case LAST: return end(ahead, why);
    default: return fail(why, EPIPE, "read blob: its process died");
  }
}

int ahead_finish(struct ahead *ahead, struct inflate_summary *ret_summary, struct failure *why) {
  const unsigned char *bytes;
  int n;

  do
    n = ahead_next(ahead, &bytes, why);
  while (n > 0);
  if (n == 0)
    *ret_summary = ahead->ring->summary;
  return n;
}

void ahead_stop(struct ahead *ahead) {
  if (ahead == NULL)
    return;
  if (ahead->pid > 0) {
    (void) kill(ahead->pid, SIGKILL);
    while (waitpid(ahead->pid, NULL, 0) < 0 && errno == EINTR)
      continue;
  }
  if (ahead->socket >= 0)
    (void) close(ahead->socket);
  if (ahead->ring != MAP_FAILED)
    (void) munmap(ahead->ring, sizeof *ahead->ring);
  free(ahead);
}
