/* A tar to a descriptor: headers and small files are gathered, large ones go from file to file. */
#include <errno.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "fd.h"
#include "tar_write.h"

#define SMALL_BYTES ((int64_t) 64 << 10)
#define SEND_BYTES ((int64_t) 64 << 20)

static int flush(void *context, struct failure *why) {
  struct tar_output *output = context;
  const size_t used = output->used;

  output->used = 0;
  return fd_write_all(output->fd, output->bytes, used, why) < 0 ? fail_while(why, "tar") : 0;
}

static int put(void *context, const void *bytes, size_t size, struct failure *why) {
  struct tar_output *output = context;

  if (size > sizeof output->bytes - output->used && flush(output, why) < 0)
    return -why->errnum;
  if (size > sizeof output->bytes)
    return fd_write_all(output->fd, bytes, size, why) < 0 ? fail_while(why, "tar") : 0;
  memcpy(output->bytes + output->used, bytes, size);
  output->used += size;
  return 0;
}

static int64_t gather(struct tar_output *output, int fd, int64_t size, struct failure *why) {
  if (output->used == sizeof output->bytes && flush(output, why) < 0)
    return -why->errnum;
  const size_t room = sizeof output->bytes - output->used;
  const size_t most = size < (int64_t) room ? (size_t) size : room;
  ssize_t n;

  do
    n = read(fd, output->bytes + output->used, most);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return fail(why, errno, "read");
  output->used += (size_t) n;
  return n;
}

static int64_t copy(void *context, int fd, int64_t size, struct failure *why) {
  struct tar_output *output = context;
  ssize_t n;

  if (size < SMALL_BYTES)
    return gather(output, fd, size, why);
  if (output->used > 0 && flush(output, why) < 0)
    return -why->errnum;
  do
    n = sendfile(output->fd, fd, NULL, (size_t) (size < SEND_BYTES ? size : SEND_BYTES));
  while (n < 0 && fd_may_write_again(output->fd));
  if (n >= 0)
    return n;
  /* Of files that append, and file systems that cannot. */
  if (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)
    return gather(output, fd, size, why);
  return fail(why, errno, "tar: write");
}

struct tar_sink tar_sink_of(struct tar_output *output) {
  return (struct tar_sink){put, copy, flush, output};
}
