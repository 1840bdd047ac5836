/* test_follow.c — a file read while it grows. */
#include "../core/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

enum { PIECE = 1000, PIECES = 50, SIZE = PIECE * PIECES };

static char bytes[SIZE];

/* By a path of its own: what is written does not move what is read. */
static int open_again(int fd) {
  char path[64];

  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return open(path, O_RDONLY | O_CLOEXEC);
}

static void write_piece(int fd, int at, int news) {
  if (pwrite(fd, bytes + at * PIECE, PIECE, at * PIECE) != PIECE || write(news, "+", 1) != 1)
    _exit(1);
}

static int read_all(struct follow *follow, int fd, char *to, struct failure *why) {
  int size = 0;
  ssize_t n;

  while ((n = follow_read(follow, fd, to + size, 700, why)) > 0)
    size += (int) n;
  return n < 0 ? (int) n : size;
}

/* The other process waits for us to have read what there is before it goes on. */
static void while_it_grows(int count, int result, const char *name) {
  const int fd = memfd_create("blob", MFD_CLOEXEC);
  static char read_bytes[SIZE + PIECE];
  struct failure why = {0};
  int news[2];

  if (pipe(news) < 0)
    return;
  const pid_t writer = fork();
  if (writer == 0) {
    close(news[0]);
    for (int at = 0; at < count; at++) {
      write_piece(fd, at, news[1]);
      if (at % 7 == 0)
        (void) usleep(2000);
    }
    _exit(0);
  }
  close(news[1]);
  const int reading = open_again(fd);
  struct follow follow = {.news = news[0], .size = SIZE};
  is_int(read_all(&follow, reading, read_bytes, &why), result, name);
  is_int(memcmp(read_bytes, bytes, (size_t) count * PIECE), 0, "…with all bytes there were");
  is_int((long) follow.read, count * PIECE, "…and no others");
  if (result < 0)
    is_text(why.what, "follow blob: it ends at byte 20000 of 50000", "…in words");
  (void) waitpid(writer, NULL, 0);
  close(news[0]);
  close(reading);
  close(fd);
}

static void longer_than_it_should_be(void) {
  const int fd = memfd_create("blob", MFD_CLOEXEC);
  static char read_bytes[SIZE + PIECE];
  struct failure why = {0};

  if (write(fd, bytes, SIZE) != SIZE || lseek(fd, 0, SEEK_SET) != 0)
    return;
  struct follow follow = {.news = -1, .size = 12345};
  is_int(read_all(&follow, fd, read_bytes, &why), 12345, "what comes behind the size is not read");
  close(fd);
}

int main(void) {
  for (int i = 0; i < SIZE; i++)
    bytes[i] = (char) (i * 7 + i / 256);
  while_it_grows(PIECES, SIZE, "a file is read while it grows");
  while_it_grows(20, -EPIPE, "one that stays short is told");
  longer_than_it_should_be();
  return done_testing();
}
