#include "follow.h"

#include <errno.h>
#include <unistd.h>

static ssize_t read_some(int fd, void *to, size_t room) {
  ssize_t n;

  do
    n = read(fd, to, room);
  while (n < 0 && errno == EINTR);
  return n;
}

/* What came meanwhile is one piece of news. */
static int wait_for_news(const struct follow *follow, struct failure *why) {
  char bytes[4096];

  const ssize_t n = read_some(follow->news, bytes, sizeof bytes);
  if (n < 0)
    return fail(why, errno, "follow blob");
  return n > 0 ? 0
               : fail(why, EPIPE, "follow blob: it ends at byte %llu of %llu",
                      (unsigned long long) follow->read, (unsigned long long) follow->size);
}

ssize_t follow_read(struct follow *follow, int fd, void *to, size_t room, struct failure *why) {
  const uint64_t left = follow->size - follow->read;

  if (left == 0)
    return 0;
  for (;;) {
    const ssize_t n = read_some(fd, to, left < room ? (size_t) left : room);

    if (n < 0)
      return fail(why, errno, "read blob");
    follow->read += (uint64_t) n;
    if (n > 0)
      return n;
    if (wait_for_news(follow, why) < 0)
      return -why->errnum;
  }
}
