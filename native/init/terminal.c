/* terminal.c — the keeper's side of a container's terminal.
 *
 * The end of input. A terminal has none, but a character that means it to whoever reads a line.
 * Once nothing more is to be typed, every reader is to find the end, as at the end of a pipe: so
 * we type that character whenever nothing else is left to be read. In a mode without lines it is a
 * byte like others; shells take ^D on an empty line for what it is meant to be.
 */
#include "terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/clock.h"

/* From each end that was read to the next; doubled for as long as nobody reads. */
#define END_INTERVAL_MS 100
#define END_MAX_INTERVAL_MS 3200

int terminal_open(struct terminal *terminal, int master, struct size size, struct failure *why) {
  *terminal = TERMINAL_NONE;
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

void terminal_end_input(struct terminal *terminal) {
  terminal->at_end = true;
  terminal->end_interval_ms = END_INTERVAL_MS;
  terminal->next_end_ms = clock_ms();
}

int terminal_timeout(const struct terminal *terminal) {
  if (!terminal->at_end)
    return -1;
  const int64_t left = terminal->next_end_ms - clock_ms();
  return left > 0 ? (int) left : 0;
}

/* poll() before FIONREAD: it waits for what the kernel has not yet passed on to the slave. */
static bool has_unread(int slave) {
  struct pollfd polled = {.fd = slave, .events = POLLIN};
  int size = 0;

  return poll(&polled, 1, 0) > 0 || (ioctl(slave, FIONREAD, &size) == 0 && size > 0);
}

void terminal_type_end(struct terminal *terminal) {
  struct termios mode;

  if (terminal_timeout(terminal) != 0)
    return;
  const bool is_unread = has_unread(terminal->slave);
  if (!is_unread)
    terminal->end_interval_ms = END_INTERVAL_MS;
  else if (terminal->end_interval_ms < END_MAX_INTERVAL_MS)
    terminal->end_interval_ms *= 2;
  terminal->next_end_ms = clock_ms() + terminal->end_interval_ms;
  if (is_unread || tcgetattr(terminal->slave, &mode) < 0)
    return;
  if (mode.c_cc[VEOF] != _POSIX_VDISABLE)
    (void) write(terminal->master, &mode.c_cc[VEOF], 1);
}

static void close_end(int *slot) {
  if (*slot >= 0)
    (void) close(*slot);
  *slot = -1;
}

void terminal_close(struct terminal *terminal) {
  close_end(&terminal->slave);
  close_end(&terminal->master);
  terminal->at_end = false;
}
