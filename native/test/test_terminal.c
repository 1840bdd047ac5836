/* test_terminal.c — the relay between a terminal and Node, without a container. */
#include "../init/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "../core/raw.h"
#include "tap.h"

/* Node's ends of a relay, and the slave that a program would have. */
struct bench {
  struct terminal terminal;
  int typing;  /* we write what is typed */
  int reading; /* we read what is shown */
  int slave;
};

static void fatal(const char *what) {
  perror(what);
  exit(1);
}

/* `raw`: bytes go through as they are. */
static void set_up(struct bench *bench, bool raw) {
  struct failure why = {0};
  struct termios mode;
  int pipe_ends[2], socket_ends[2], unlocked = 0;
  const int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

  if (master < 0 || ioctl(master, TIOCSPTLCK, &unlocked) < 0 || pipe(pipe_ends) < 0 ||
      socketpair(AF_UNIX, SOCK_STREAM, 0, socket_ends) < 0)
    fatal("set up");
  bench->terminal = (struct terminal){.input = pipe_ends[0], .output = socket_ends[0]};
  bench->typing = pipe_ends[1];
  bench->reading = socket_ends[1];
  if (terminal_open(&bench->terminal, master, (struct size){.columns = 90, .rows = 30}, &why) < 0)
    fatal(why.what);
  bench->slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_NONBLOCK);
  if (raw && tcgetattr(bench->slave, &mode) == 0) {
    cfmakeraw(&mode);
    (void) tcsetattr(bench->slave, TCSANOW, &mode);
  }
}

static void tear_down(struct bench *bench) {
  terminal_close(&bench->terminal);
  (void) close(bench->slave);
  (void) close(bench->reading);
  if (bench->typing >= 0)
    (void) close(bench->typing);
}

/* As the keeper's loop does, until there is nothing to do for so long. */
static void turn(struct bench *bench, int quiet_ms) {
  struct pollfd polled[TERMINAL_POLLED];

  for (;;) {
    const int timeout = terminal_watch(&bench->terminal, polled);
    const bool is_waiting = timeout >= 0 && timeout < quiet_ms;
    const int n = poll(polled, TERMINAL_POLLED, is_waiting ? timeout : quiet_ms);

    terminal_serve(&bench->terminal, polled);
    if (n == 0 && !is_waiting)
      return;
    if (n == 0)
      quiet_ms -= timeout;
  }
}

static void relays_both_ways(void) {
  struct bench bench;
  struct winsize window;
  char text[64] = {0};

  set_up(&bench, false);
  (void) ioctl(bench.slave, TIOCGWINSZ, &window);
  is_int(window.ws_col * 1000 + window.ws_row, 90030, "the size is there from the start");
  (void) write(bench.typing, "hello\n", 6);
  turn(&bench, 20);
  is_int(read(bench.slave, text, sizeof text), 6, "what is typed is read inside");
  (void) write(bench.slave, "answer\n", 7);
  turn(&bench, 20);
  memset(text, 0, sizeof text);
  (void) recv(bench.reading, text, sizeof text, MSG_DONTWAIT);
  is_text(text, "hello\r\nanswer\r\n", "what is echoed and written inside is shown");
  tear_down(&bench);
}

static void types_the_end(void) {
  struct bench bench;
  char text[64];

  set_up(&bench, false);
  (void) write(bench.typing, "ab", 2);
  (void) close(bench.typing);
  bench.typing = -1;
  turn(&bench, 30);
  is_int(read(bench.slave, text, sizeof text), 2, "a line without its end is read at the end");
  turn(&bench, 250);
  is_int(read(bench.slave, text, sizeof text), 0, "then the end");
  turn(&bench, 250);
  is_int(read(bench.slave, text, sizeof text), 0, "and the end again, for the next reader");
  is_int(read(bench.slave, text, sizeof text), -1, "but no more than one at a time");
  tear_down(&bench);
}

/* Whoever does not read stops whoever writes; what the kernel has is delivered all the same. */
static void delivers_to_a_stalled_reader(void) {
  static char chunk[1000], taken[1 << 20];
  struct bench bench;
  int owner[2];
  long written = 0, got = 0, n;

  set_up(&bench, true);
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, owner) < 0)
    fatal("owner");
  for (int idle = 0; idle < 3; turn(&bench, 10)) {
    n = write(bench.slave, chunk, sizeof chunk);
    idle = n > 0 ? 0 : idle + 1;
    written += n > 0 ? n : 0;
  }
  is_int(written > 8192 && written < 300000, 1, "a stalled reader stops the writer");
  terminal_finish(&bench.terminal, owner[0]);
  while ((n = recv(bench.reading, taken, sizeof taken, MSG_DONTWAIT)) > 0)
    got += n;
  is_int(got, written, "and finds all of it after the end");
  is_int(n, 0, "and then the end");
  (void) close(owner[0]);
  (void) close(owner[1]);
  tear_down(&bench);
}

static void gives_up_with_its_owner(void) {
  static char chunk[4096];
  struct bench bench;
  int owner[2];
  const int size = 1;

  set_up(&bench, true);
  (void) setsockopt(bench.terminal.output, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, owner) < 0)
    fatal("owner");
  while (write(bench.slave, chunk, sizeof chunk) > 0)
    turn(&bench, 10);
  (void) close(owner[1]);
  terminal_finish(&bench.terminal, owner[0]); /* or this test does not end */
  is_int(bench.terminal.master, -1, "who stalls does not hold the keeper when Node has died");
  (void) close(owner[0]);
  tear_down(&bench);
}

static void shows_nobody(void) {
  static char chunk[4096];
  struct bench bench;
  long written = 0;

  set_up(&bench, true);
  (void) close(bench.reading);
  for (int i = 0; i < 500; i++) {
    const ssize_t n = write(bench.slave, chunk, sizeof chunk);

    written += n > 0 ? n : 0;
    turn(&bench, 1);
  }
  is_int(written > 1000000, 1, "output that nobody reads does not stop the writer");
  bench.reading = open("/dev/null", O_RDONLY);
  tear_down(&bench);
}

static void rests_while_nobody_reads(void) {
  struct bench bench;
  struct pollfd polled[TERMINAL_POLLED];
  int waited_ms = 0;
  int looks = 0;

  set_up(&bench, false);
  (void) close(bench.typing);
  bench.typing = -1;
  for (; waited_ms < 1000; looks++) {
    const int timeout = terminal_watch(&bench.terminal, polled);

    (void) poll(polled, TERMINAL_POLLED, timeout < 0 ? 1000 : timeout);
    terminal_serve(&bench.terminal, polled);
    waited_ms += timeout < 0 ? 0 : timeout;
  }
  is_int(looks <= 8, 1, "whether somebody reads is looked at less and less often");
  tear_down(&bench);
}

static void puts_the_mode_back(void) {
  struct bench bench;
  struct raw_terminal saved;
  struct termios before = {0}, now = {0}; /* padding is compared, too */
  struct failure why;

  set_up(&bench, false);
  (void) tcgetattr(bench.slave, &before);
  is_int(raw_save(bench.slave, &saved, &why), 0, "the mode of a terminal is saved");
  is_int(raw_enter(bench.slave, &saved, &why), 0, "it is made raw");
  (void) tcgetattr(bench.slave, &now);
  is_int((long) (now.c_lflag & (ICANON | ECHO | ISIG)) + (long) (now.c_oflag & OPOST), 0, "raw");
  raw_leave(bench.slave, &saved);
  (void) tcgetattr(bench.slave, &now);
  is_int(memcmp(&now, &before, sizeof now), 0, "and is as it was");

  (void) raw_enter(bench.slave, &saved, &why);
  now.c_lflag &= ~(tcflag_t) ECHO; /* a shell, say */
  (void) tcsetattr(bench.slave, TCSANOW, &now);
  raw_leave(bench.slave, &saved);
  (void) tcgetattr(bench.slave, &before);
  is_int(before.c_lflag == now.c_lflag, 1, "what somebody else has set meanwhile stays");
  is_int(raw_save(bench.typing, &saved, &why), -ENOTTY, "a pipe has no mode");
  tear_down(&bench);
}

int main(void) {
  relays_both_ways();
  types_the_end();
  delivers_to_a_stalled_reader();
  gives_up_with_its_owner();
  shows_nobody();
  rests_while_nobody_reads();
  puts_the_mode_back();
  return done_testing();
}
