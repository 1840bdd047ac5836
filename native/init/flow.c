#include "flow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "streams_parts.h"

void flow_begin(struct flow *flow, bool is_piped) {
  flow->limit = SIZE_MAX;
  flow->is_piped = is_piped;
  flow->is_enlarged = false;
  flow->is_passed_on = false;
}

void flow_close_source(struct streams *streams, int number) {
  struct flow *flow = &streams->flows[number];

  if (flow->source >= 0 && !streams->options.has_terminal)
    (void) close(flow->source);
  flow->source = -1;
}

/* More than one has ever held: its buffers are of the kernel's size. */
#define LARGEST_TERMINAL (1u << 20)

#define LARGE_PIPE (256 << 10)
#define LARGEST_SPLICE (1u << 20)

/* The next is read into the same place. */
static void let_go(struct streams *streams, int number) {
  struct flow *flow = &streams->flows[number];

  if (flow->size > 0 && flow_lack(streams, number) == 0)
    flow->size = flow->first_from = 0;
}

bool flow_fill(struct streams *streams, int number) {
  struct flow *flow = &streams->flows[number];

  let_go(streams, number);
  if (flow->size > 0)
    return false;
  const size_t most = flow->limit < sizeof flow->bytes ? flow->limit : sizeof flow->bytes;
  const ssize_t n = most == 0 ? 0 : read(flow->source, flow->bytes, most);
  if (n <= 0) {
    const bool is_for_now = n < 0 && (errno == EINTR || (errno == EAGAIN && !streams->is_draining));
    if (!is_for_now)
      flow_close_source(streams, number);
    return false;
  }
  if (flow->limit != SIZE_MAX)
    flow->limit -= (size_t) n;
  flow->size = (size_t) n;
  flow->first_from = flow->first.fd < 0 ? flow->size : 0;
  if (streams->options.log != NULL)
    log_write(&streams->log, number == FLOW_OUTPUT ? LOG_STDOUT : LOG_STDERR, flow->bytes,
              flow->size);
  clients_owe(&streams->clients, number);
  return true;
}

bool flow_can_pass_on(const struct streams *streams, int number) {
  const struct flow *flow = &streams->flows[number];

  return flow->is_piped && flow->first.is_pipe && flow->first.fd >= 0 && flow->size == 0 &&
         streams->options.log == NULL && !streams->is_draining &&
         !clients_are_attached(&streams->clients, number);
}

static bool has_bytes(int pipe) {
  int size = 0;

  return ioctl(pipe, FIONREAD, &size) == 0 && size > 0;
}

bool flow_pass_on(struct streams *streams, int number) {
  struct flow *flow = &streams->flows[number];
  const ssize_t n = splice(flow->source, NULL, flow->first.fd, NULL, LARGEST_SPLICE,
                           SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  const int errnum = n < 0 ? errno : 0;

  /* EAGAIN: the one is empty, or the other full. */
  flow->is_passed_on = errnum == EAGAIN && has_bytes(flow->source);
  if (n == 0)
    flow_close_source(streams, number);
  else if (errnum != 0 && errnum != EAGAIN && errnum != EINTR)
    end_close(&flow->first); /* EPIPE: nobody reads it */
  return n > 0;
}

/* Not where somebody has a socket: in there is no room for that much at the end. A user may have
 * 64 MiB in all pipes together, so that only those have it who need it. */
void flow_enlarge(struct streams *streams, int number) {
  struct flow *flow = &streams->flows[number];

  if (flow->is_enlarged || !flow->is_piped || clients_are_attached(&streams->clients, number))
    return;
  flow->is_enlarged = true;
  (void) fcntl(flow->source, F_SETPIPE_SZ, LARGE_PIPE);
  if (flow->first.is_pipe && fcntl(flow->first.fd, F_GETPIPE_SZ) < LARGE_PIPE)
    (void) fcntl(flow->first.fd, F_SETPIPE_SZ, LARGE_PIPE);
}

void flow_limit(struct flow *flow) {
  const int size = fcntl(flow->source, F_GETPIPE_SZ);

  flow->limit = size < 0 ? LARGEST_TERMINAL : (size_t) size;
}

/* Nobody there to read it (EPIPE): from now on it is for the others. */
void flow_send_first(struct flow *flow) {
  if (flow->first_from == flow->size)
    return;
  const ssize_t n =
      end_write(&flow->first, flow->bytes + flow->first_from, flow->size - flow->first_from);

  if (n > 0)
    flow->first_from += (size_t) n;
  else if (n < 0 && errno != EAGAIN && errno != EINTR)
    end_close(&flow->first);
  if (flow->first.fd < 0)
    flow->first_from = flow->size;
}

size_t flow_lack(const struct streams *streams, int number) {
  const struct flow *flow = &streams->flows[number];

  return flow->size - flow->first_from + clients_lack(streams, number);
}
