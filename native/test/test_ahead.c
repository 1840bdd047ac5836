/* test_ahead.c — a blob unpacked by another process: the same as by this one. */
#include "../init/ahead.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zstd.h>

#include "../init/verb.h"
#include "tap.h"

#define PLAIN_BYTES (5u << 20) /* more than is unpacked ahead */

static unsigned char plain[PLAIN_BYTES];
static unsigned char packed[PLAIN_BYTES + 4096];

static int file_of(const void *bytes, size_t size) {
  const int fd = memfd_create("blob", MFD_CLOEXEC);

  if (write(fd, bytes, size) != (ssize_t) size || lseek(fd, 0, SEEK_SET) != 0)
    _exit(1);
  return fd;
}

static void is_plain_hashed(const struct inflate_summary *summary) {
  char text[HASH_TEXT_SIZE];
  struct hash hash;

  hash_begin(&hash);
  hash_update(&hash, plain, PLAIN_BYTES);
  hash_text(&hash, text);
  is_text(summary->diff_id, text, "…and the digest of what is in it");
}

static void are_digests(const struct inflate_summary *summary, size_t size) {
  char text[HASH_TEXT_SIZE];
  struct hash hash;

  hash_begin(&hash);
  hash_update(&hash, packed, size);
  hash_text(&hash, text);
  is_text(summary->digest, text, "…and its digest");
  is_plain_hashed(summary);
}

/* Of a pipe there is no second reading. */
static void piped_blob(size_t size) {
  struct inflate_summary summary = {.compression = ""};
  struct ahead *ahead = NULL;
  struct failure why = {0};
  int pipes[2];

  if (pipe(pipes) < 0)
    return;
  const pid_t writer = fork();
  if (writer == 0) {
    for (size_t at = 0; at < size;) {
      const ssize_t n = write(pipes[1], packed + at, size - at);
      at += n > 0 ? (size_t) n : 0;
    }
    _exit(0);
  }
  close(pipes[1]);
  (void) ahead_start(pipes[0], NULL, &ahead, &why);
  is_int(ahead_finish(ahead, &summary, &why), 0, "a blob may come through a pipe");
  are_digests(&summary, size);
  ahead_stop(ahead);
  close(pipes[0]);
  (void) waitpid(writer, NULL, 0);
}

static void plain_blob(void) {
  const int fd = file_of(plain, PLAIN_BYTES);
  struct inflate_summary summary = {.compression = ""};
  struct ahead *ahead = NULL;
  struct failure why = {0};

  (void) ahead_start(fd, NULL, &ahead, &why);
  is_int(ahead_finish(ahead, &summary, &why), 0, "a blob may be plain");
  is_text(summary.compression, "none", "…which is told");
  is_text(summary.digest, summary.diff_id, "…and is hashed once");
  ahead_stop(ahead);
  close(fd);
}

static void whole_blob(size_t size) {
  const int fd = file_of(packed, size);
  struct inflate_summary summary = {.compression = ""};
  struct ahead *ahead = NULL;
  const unsigned char *bytes;
  struct failure why = {0};
  size_t at = 0;
  int same = 1;
  int n;

  is_int(ahead_start(fd, NULL, &ahead, &why), 0, "a blob is unpacked ahead");
  while (at < PLAIN_BYTES / 2 && (n = ahead_next(ahead, &bytes, &why)) > 0) {
    same = same && memcmp(bytes, plain + at, (size_t) n) == 0;
    at += (size_t) n;
  }
  is_int(same, 1, "its bytes are right, and in order");
  is_int(ahead_finish(ahead, &summary, &why), 0, "the rest need not be looked at");
  is_text(summary.compression, "zstd", "its compression is told");
  is_int((long) summary.size, (long) size, "…and its size");
  is_int((long) summary.diff_size, PLAIN_BYTES, "…and that of what is in it");
  are_digests(&summary, size);
  is_int(ahead_next(ahead, &bytes, &why), 0, "the end stays the end");
  ahead_stop(ahead);
  close(fd);
}

static void broken_blob(size_t size) {
  const int fd = file_of(packed, size - 1);
  struct inflate_summary summary;
  struct ahead *ahead = NULL;
  const unsigned char *bytes;
  struct failure why = {0};

  (void) ahead_start(fd, NULL, &ahead, &why);
  is_int(ahead_finish(ahead, &summary, &why), -EBADMSG, "a broken blob is refused");
  is_int(strstr(why.what, "unexpected end") != NULL, 1, "…in the words of the other process");
  is_int(ahead_next(ahead, &bytes, &why), -EBADMSG, "…as often as one asks");
  ahead_stop(ahead);
  close(fd);
}

/* Its writer, byte by byte at the ends and in large steps between. */
static pid_t grow(int fd, size_t size, const int news[2]) {
  const pid_t writer = fork();

  if (writer != 0)
    return writer;
  close(news[0]);
  for (size_t at = 0, step = 1; at < size; at += step) {
    step = at < 20 || at + 20 > size ? 1 : size / 9;
    step = at + step > size ? size - at : step;
    if (pwrite(fd, packed + at, step, (off_t) at) != (ssize_t) step || write(news[1], "+", 1) != 1)
      _exit(1);
    (void) usleep(500);
  }
  _exit(0);
}

static void growing_blob(size_t there, size_t size) {
  const int fd = file_of("", 0);
  struct inflate_summary summary = {.compression = ""};
  struct ahead *ahead = NULL;
  struct failure why = {0};
  int news[2];

  if (pipe(news) < 0)
    return;
  const pid_t writer = grow(fd, there, news);
  close(news[1]);
  const struct follow follow = {.news = news[0], .size = size};
  (void) ahead_start(fd, &follow, &ahead, &why);
  const int r = ahead_finish(ahead, &summary, &why);
  if (there == size) {
    is_int(r, 0, "a blob may still grow");
    is_text(summary.digest, "", "…who writes it hashes it");
    is_plain_hashed(&summary);
  } else {
    is_int(r, -EPIPE, "…but not for ever");
    is_int(strstr(why.what, "follow blob: it ends at byte") != NULL, 1, "…which is told");
  }
  is_int((long) ahead_size(ahead), (long) there, "…and how much of it was read");
  ahead_stop(ahead);
  close(news[0]);
  close(fd);
  (void) waitpid(writer, NULL, 0);
}

static void stopped_early(void) {
  struct ahead *ahead = NULL;
  struct failure why = {0};
  int pipes[2];

  if (pipe(pipes) < 0)
    return;
  (void) ahead_start(pipes[0], NULL, &ahead, &why);
  ahead_stop(ahead);
  is_int(waitpid(-1, NULL, WNOHANG), -1, "no process is left of one that waits for input");
  is_int(errno, ECHILD, "…not even a dead one");
  close(pipes[0]);
  close(pipes[1]);
  ahead_stop(NULL);
}

int main(void) {
  unsigned seed = 1;

  /* The other process closes FD_EVENTS: it must not be a file of ours. */
  if (dup2(STDOUT_FILENO, FD_EVENTS) < 0)
    return 1;
  for (size_t i = 0; i < PLAIN_BYTES; i++) {
    seed = seed * 1103515245u + 12345u;
    plain[i] = (unsigned char) (seed >> 16 & 0xf);
  }
  const size_t size = ZSTD_compress(packed, sizeof packed, plain, PLAIN_BYTES, 1);
  whole_blob(size);
  broken_blob(size);
  piped_blob(size);
  plain_blob();
  growing_blob(size, size);
  growing_blob(size / 2, size);
  stopped_early();
  return done_testing();
}
