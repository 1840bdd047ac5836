/* terminal.c — the keeper's side of a container's terminal.
 *
 * Theory of operation: two flows of one chunk each. What Node writes to our descriptor 0 is typed
 * at the master; what the master shows goes to Node. A chunk is read only when the one before it
 * is gone, so who does not read stops who writes, through all of it. They do not wait for each
 * other: a program that echoes more than anybody reads can still be typed at.
 *
 *     Node ══ pipe 0 ══▶ typed ──▶ ┌────────┐     ┌───────┐
 *                                  │ master │═════│ slave │ 0, 1, 2 and /dev/console of the command
 *     Node ◀═ socket 1 ══ shown ◀──└────────┘     └───────┘
 *
 * The end of output. A socket takes bytes as soon as three quarters of its buffer are free, as
 * poll() has it (unix_writable()), and we write at no other time. So there is room for the little
 * the kernel still holds of a terminal when its container has ended, and a reader who has stopped
 * reading gets it later, from the socket: the keeper need not wait for him.
 *
 * The end of input. A terminal has none, but a character that means it to whoever reads a line.
 * Once Node closes its pipe, every reader is to find the end, as at the end of a pipe: so we type
 * that character whenever nothing else is left to be read. In a mode without lines it is a byte
 * like others; shells take ^D on an empty line for what it is meant to be.
 *
 * Further readers and writers, and a log, are further sinks and sources of the same two chunks:
 * `shown` is let go when the slowest sink that may slow the container down has it.
 */
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "../core/cleanup.h"

enum { POLLED_MASTER, POLLED_INPUT, POLLED_OUTPUT };

/* From each end that was read to the next; doubled for as long as nobody reads. */
#define END_INTERVAL_MS 100
#define END_MAX_INTERVAL_MS 3200

static int64_t now_ms(void) {
  struct timespec now;

  (void) clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_empty(const struct chunk *chunk) {
  return chunk->from == chunk->to;
}

/* Whether a read() or write() that did not succeed may do so later. */
static bool is_for_now(int errnum) {
  return errnum == EAGAIN || errnum == EINTR;
}

static void close_end(int *slot) {
  if (*slot >= 0)
    (void) close(*slot);
  *slot = -1;
}

int terminal_adopt(struct terminal *terminal, struct failure *why) {
  autoclose int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

  terminal->master = -1;
  terminal->slave = -1;
  terminal->input = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  terminal->output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (nothing < 0 || terminal->input < 0 || terminal->output < 0)
    return fail(why, errno, "take the terminal's streams");
  if (dup2(nothing, STDIN_FILENO) < 0 || dup2(nothing, STDOUT_FILENO) < 0)
    return fail(why, errno, "take the terminal's streams");
  return 0;
}

void terminal_unplug(struct terminal *terminal) {
  close_end(&terminal->input);
}

int terminal_open(struct terminal *terminal, int master, struct size size, struct failure *why) {
  terminal->master = master;
  terminal->slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (terminal->slave < 0)
    return fail(why, errno, "open the terminal's slave");
  terminal_resize(terminal, size);
  return 0;
}

void terminal_resize(const struct terminal *terminal, struct size size) {
  const struct winsize window = {.ws_col = size.columns, .ws_row = size.rows};

  if (terminal->master >= 0)
    (void) ioctl(terminal->master, TIOCSWINSZ, &window);
}

int terminal_watch(const struct terminal *terminal, struct pollfd polled[static TERMINAL_POLLED]) {
  const short reading = is_empty(&terminal->shown) ? POLLIN : 0;
  const short writing = is_empty(&terminal->typed) ? 0 : POLLOUT;
  const bool is_open = terminal->master >= 0;

  /* A descriptor of which nothing is wanted is left out: poll() would tell of its end for ever. */
  polled[POLLED_MASTER].fd = reading | writing ? terminal->master : -1;
  polled[POLLED_MASTER].events = (short) (reading | writing);
  polled[POLLED_INPUT].fd = is_open && writing == 0 ? terminal->input : -1;
  polled[POLLED_INPUT].events = POLLIN;
  polled[POLLED_OUTPUT].fd = is_open && reading == 0 ? terminal->output : -1;
  polled[POLLED_OUTPUT].events = POLLOUT;
  return terminal_timeout(terminal);
}

int terminal_timeout(const struct terminal *terminal) {
  if (!terminal->at_end)
    return -1;
  const int64_t left = terminal->next_end_ms - now_ms();
  return left > 0 ? (int) left : 0;
}

/* False when nothing came: errno is 0 at the end of all. */
static bool fill(struct chunk *chunk, int fd) {
  errno = 0;
  const ssize_t n = read(fd, chunk->bytes, sizeof chunk->bytes);

  chunk->from = 0;
  chunk->to = n > 0 ? (size_t) n : 0;
  return n > 0;
}

/* Nobody there to read it (EPIPE): from now on what is shown is shown to nobody. */
static void show(struct terminal *terminal) {
  struct chunk *shown = &terminal->shown;
  const ssize_t n = send(terminal->output, shown->bytes + shown->from, shown->to - shown->from,
                         MSG_NOSIGNAL | MSG_DONTWAIT);

  if (n > 0)
    shown->from += (size_t) n;
  else if (n < 0 && !is_for_now(errno))
    close_end(&terminal->output);
  if (terminal->output < 0)
    shown->from = shown->to;
}

static void type(struct terminal *terminal) {
  struct chunk *typed = &terminal->typed;
  const ssize_t n = write(terminal->master, typed->bytes + typed->from, typed->to - typed->from);

  if (n > 0)
    typed->from += (size_t) n;
  else if (n < 0 && !is_for_now(errno))
    typed->from = typed->to;
}

static void listen_to_typing(struct terminal *terminal) {
  if (fill(&terminal->typed, terminal->input) || is_for_now(errno))
    return;
  close_end(&terminal->input);
  terminal_end_input(terminal);
}

void terminal_end_input(struct terminal *terminal) {
  terminal->at_end = true;
  terminal->end_interval_ms = END_INTERVAL_MS;
  terminal->next_end_ms = now_ms();
}

/* poll() before FIONREAD: it waits for what the kernel has not yet passed on to the slave. */
static bool has_unread(int slave) {
  struct pollfd polled = {.fd = slave, .events = POLLIN};
  int size = 0;

  return poll(&polled, 1, 0) > 0 || (ioctl(slave, FIONREAD, &size) == 0 && size > 0);
}

static void type_end(struct terminal *terminal) {
  struct termios mode;
  const bool is_unread = has_unread(terminal->slave);

  if (!is_unread)
    terminal->end_interval_ms = END_INTERVAL_MS;
  else if (terminal->end_interval_ms < END_MAX_INTERVAL_MS)
    terminal->end_interval_ms *= 2;
  terminal->next_end_ms = now_ms() + terminal->end_interval_ms;
  if (is_unread || tcgetattr(terminal->slave, &mode) < 0)
    return;
  if (mode.c_cc[VEOF] != _POSIX_VDISABLE)
    (void) write(terminal->master, &mode.c_cc[VEOF], 1);
}

void terminal_serve(struct terminal *terminal, const struct pollfd polled[static TERMINAL_POLLED]) {
  if (terminal->master < 0)
    return;
  if (polled[POLLED_OUTPUT].revents != 0)
    show(terminal);
  if (polled[POLLED_MASTER].revents & ~POLLOUT && is_empty(&terminal->shown)) {
    (void) fill(&terminal->shown, terminal->master);
    if (terminal->output < 0)
      terminal->shown.from = terminal->shown.to;
  }
  if (polled[POLLED_INPUT].revents != 0)
    listen_to_typing(terminal);
  if (!is_empty(&terminal->typed))
    type(terminal);
  else
    terminal_type_end(terminal);
}

void terminal_type_end(struct terminal *terminal) {
  if (terminal->at_end && now_ms() >= terminal->next_end_ms)
    type_end(terminal);
}

/* read() says that there is nothing only after it has waited for what is under way (n_tty_read()),
 * and all processes that could write have ended: then it has been all. */
void terminal_finish(struct terminal *terminal, int owner) {
  struct pollfd polled[] = {
      {.fd = terminal->output, .events = POLLOUT},
      {.fd = owner, .events = 0},
  };

  while (terminal->master >= 0 && terminal->output >= 0) {
    if (is_empty(&terminal->shown) && !fill(&terminal->shown, terminal->master) && errno != EINTR)
      break;
    show(terminal); /* into the room that was kept for it */
    if (is_empty(&terminal->shown))
      continue;
    if (poll(polled, sizeof polled / sizeof *polled, -1) < 0 && errno != EINTR)
      break;
    if (polled[1].revents != 0)
      break;
  }
  terminal_close(terminal);
}

void terminal_close(struct terminal *terminal) {
  close_end(&terminal->input);
  close_end(&terminal->output);
  close_end(&terminal->slave);
  close_end(&terminal->master);
}
