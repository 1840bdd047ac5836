/* Theory of operation. Three processes share `struct ring`. The unpacker fills its slots in turn;
 * a byte over a socket says that one is full, and a byte back that it may be used again. The hasher
 * looks at the same slots as the user of the bytes does.
 *
 *        user                                  unpacker                        hasher
 *                                          <-  FULL   ->                             per slot
 *        FREE                              ->          <-                      FREE  per slot
 *                                              LAST   ->
 *                                                      <-  `diff_id`, `digest` LAST
 *                                          <-  LAST, `result`, and `why` or `summary`
 *
 * The unpacker is at most SLOTS ahead of both. End of file instead of a byte means that the other
 * one has died. */
#include "ahead.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "aside.h"

#define SLOTS 8

enum message { FULL = 'f', FREE = 'e', LAST = 'l' };

struct slot {
  int size;
  unsigned char bytes[INFLATE_PIECE_MAX];
};

struct ring {
  int result;
  struct failure why;
  struct inflate_summary summary;
  char digest[HASH_TEXT_SIZE];
  char diff_id[HASH_TEXT_SIZE];
  off_t start;    /* of the blob in its file; -1: it is none */
  int is_growing; /* then `follow` is the unpacker's */
  struct follow follow;
  _Atomic uint64_t size; /* of the blob, as far as it was read */
  int is_blob_hashed;    /* by the hasher */
  struct slot slots[SLOTS];
};

struct ahead {
  struct ring *ring;
  int socket;
  pid_t unpacker;
  pid_t hasher;
  unsigned taken; /* slots received so far */
  int has_ended;
};

/* Of the unpacker. */
struct reader {
  int socket;
  unsigned freed; /* slots */
};

struct unpacker {
  struct ring *ring;
  struct inflate *blob;
  struct reader readers[2]; /* the user and the hasher */
  unsigned filled;          /* slots */
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

/* Nobody is left who would want to know. */
static void expect(int is_fine) {
  if (!is_fine)
    _exit(EXIT_FAILURE);
}

static void wait_for_room(struct unpacker *unpacker) {
  for (size_t i = 0; i < 2; i++)
    for (struct reader *reader = &unpacker->readers[i]; unpacker->filled - reader->freed >= SLOTS;
         reader->freed++)
      expect(listen_to(reader->socket) == FREE);
}

static int fill_slots(struct unpacker *unpacker, struct failure *why) {
  struct slot *slots = unpacker->ring->slots;

  for (;; unpacker->filled++) {
    struct slot *slot = &slots[unpacker->filled % SLOTS];

    wait_for_room(unpacker);
    slot->size = inflate_into(unpacker->blob, slot->bytes, why);
    unpacker->ring->size = inflate_size(unpacker->blob);
    if (slot->size <= 0)
      return slot->size;
    for (size_t i = 0; i < 2; i++)
      expect(tell(unpacker->readers[i].socket, FULL) == 0);
  }
}

/* The hasher has seen all of it. */
static void wait_for_digest(struct unpacker *unpacker) {
  struct reader *hasher = &unpacker->readers[1];
  int message;

  expect(tell(hasher->socket, LAST) == 0);
  do
    message = listen_to(hasher->socket);
  while (message == FREE);
  expect(message == LAST);
}

static int unpack(struct unpacker *unpacker, int fd, struct failure *why) {
  struct ring *ring = unpacker->ring;
  struct inflate_summary *summary = &ring->summary;

  int r = ring->is_growing ? inflate_open_growing(fd, &ring->follow, &unpacker->blob, why)
                           : inflate_open(fd, -1, &unpacker->blob, why);
  if (r < 0)
    return r;
  const int is_plain = strcmp(inflate_compression(unpacker->blob), "none") == 0;
  ring->is_blob_hashed = !is_plain && !ring->is_growing && ring->start >= 0;
  if (ring->is_blob_hashed || ring->is_growing)
    inflate_without_digests(unpacker->blob);
  r = fill_slots(unpacker, why);
  if (r == 0)
    r = inflate_finish(unpacker->blob, summary, why);
  if (r < 0)
    return r;
  wait_for_digest(unpacker);
  memcpy(summary->diff_id, ring->diff_id, HASH_TEXT_SIZE);
  if (ring->is_growing)
    *summary->digest = '\0';
  else if (is_plain || ring->is_blob_hashed)
    memcpy(summary->digest, is_plain ? ring->diff_id : ring->digest, HASH_TEXT_SIZE);
  return 0;
}

/* The blob, too, where it can be read a second time: what unpacks it has the most to do. */
struct blob_hash {
  struct hash hash;
  int fd;
  off_t at;
  unsigned char bytes[INFLATE_PIECE_MAX];
};

/* The next piece of it: 0 at its end. */
static ssize_t hash_blob(struct blob_hash *blob) {
  const ssize_t n = pread(blob->fd, blob->bytes, sizeof blob->bytes, blob->at);

  expect(n >= 0);
  hash_update(&blob->hash, blob->bytes, (size_t) n);
  blob->at += n;
  return n;
}

static void hash_slots(struct ring *ring, int fd, int socket) {
  struct blob_hash blob = {.fd = fd, .at = ring->start};
  struct hash hash;
  int message;

  hash_begin(&hash);
  hash_begin(&blob.hash);
  for (unsigned taken = 0; (message = listen_to(socket)) == FULL; taken++) {
    const struct slot *slot = &ring->slots[taken % SLOTS];

    hash_update(&hash, slot->bytes, (size_t) slot->size);
    expect(tell(socket, FREE) == 0);
    if (ring->is_blob_hashed)
      (void) hash_blob(&blob);
  }
  expect(message == LAST);
  while (ring->is_blob_hashed && hash_blob(&blob) > 0)
    continue;
  hash_text(&hash, ring->diff_id);
  hash_text(&blob.hash, ring->digest);
  expect(tell(socket, LAST) == 0);
}

/* Each process closes what is the others', or the end of file would never come. */
static int start_both(struct ahead *ahead, int fd, const int user[2], const int hasher[2]) {
  ahead->hasher = aside_fork();
  if (ahead->hasher == 0) {
    (void) close(user[0]);
    (void) close(user[1]);
    (void) close(hasher[0]);
    hash_slots(ahead->ring, fd, hasher[1]);
    _exit(EXIT_SUCCESS);
  }
  ahead->unpacker = ahead->hasher < 0 ? -1 : aside_fork();
  if (ahead->unpacker == 0) {
    struct ring *ring = ahead->ring;
    struct unpacker unpacker = {.ring = ring, .readers = {{user[1], 0}, {hasher[0], 0}}};

    (void) close(user[0]);
    (void) close(hasher[1]);
    ring->result = unpack(&unpacker, fd, &ring->why);
    expect(tell(user[1], LAST) == 0);
    _exit(EXIT_SUCCESS);
  }
  return ahead->unpacker < 0 ? -1 : 0;
}

static int start(struct ahead *ahead, int fd, const struct follow *follow, struct failure *why) {
  int user[2];
  int hasher[2];

  ahead->ring =
      mmap(NULL, sizeof *ahead->ring, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (ahead->ring == MAP_FAILED)
    return fail(why, errno, "share memory");
  ahead->ring->start = lseek(fd, 0, SEEK_CUR);
  ahead->ring->is_growing = follow != NULL;
  if (follow != NULL)
    ahead->ring->follow = *follow;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, user) < 0)
    return fail(why, errno, "create sockets");
  ahead->socket = user[0];
  autoclose int theirs = user[1];
  (void) theirs; /* closed on every return: clang sees no use in that */
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, hasher) < 0)
    return fail(why, errno, "create sockets");
  const int r = start_both(ahead, fd, user, hasher) < 0 ? fail(why, errno, "fork") : 0;
  (void) close(hasher[0]);
  (void) close(hasher[1]);
  return r;
}

int ahead_start(int fd, const struct follow *follow, struct ahead **ret_ahead,
                struct failure *why) {
  struct ahead *ahead = calloc(1, sizeof *ahead);

  if (ahead == NULL)
    return fail(why, ENOMEM, "read blob");
  ahead->ring = MAP_FAILED;
  ahead->socket = -1;
  ahead->unpacker = ahead->hasher = -1;
  const int r = start(ahead, fd, follow, why);
  if (r < 0)
    ahead_stop(ahead);
  else
    *ret_ahead = ahead;
  return r;
}

uint64_t ahead_size(const struct ahead *ahead) {
  return ahead->ring->size;
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
      *ret_bytes = ahead->ring->slots[slot].bytes;
      return ahead->ring->slots[slot].size;
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
  aside_end(ahead->unpacker);
  aside_end(ahead->hasher);
  if (ahead->socket >= 0)
    (void) close(ahead->socket);
  if (ahead->ring != MAP_FAILED)
    (void) munmap(ahead->ring, sizeof *ahead->ring);
  free(ahead);
}
