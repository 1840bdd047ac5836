/* test_terminal.c — what is typed at a terminal and shown by it, without a container. */
#include <sys/ioctl.h>
#include <termios.h>

#include "../core/raw.h"
#include "../init/streams_parts.h"
#include "streams_bench.h"

/* The streams of a keeper, and the slave that a program would have. */
struct terminal_bench {
  struct bench bench;
  int slave;
};

/* `raw`: bytes go through as they are. */
static void set_up(struct terminal_bench *terminal, bool raw) {
  struct failure why = {0};
  struct termios mode;
  int unlocked = 0;
  const int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

  if (master < 0 || ioctl(master, TIOCSPTLCK, &unlocked) < 0)
    fatal("set up");
  bench_set_up(&terminal->bench,
               (struct streams_options){.has_terminal = true, .is_first_once = true});
  if (streams_take_terminal(terminal->bench.streams, master,
                            (struct size){.columns = 90, .rows = 30}, &why) < 0)
    fatal(why.what);
  terminal->slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_NONBLOCK);
  if (raw && tcgetattr(terminal->slave, &mode) == 0) {
    cfmakeraw(&mode);
    (void) tcsetattr(terminal->slave, TCSANOW, &mode);
  }
}

static void tear_down(struct terminal_bench *terminal) {
  (void) close(terminal->slave);
  bench_tear_down(&terminal->bench);
}

static void relays_both_ways(void) {
  struct terminal_bench terminal;
  struct winsize window;
  char text[64] = {0};

  set_up(&terminal, false);
  (void) ioctl(terminal.slave, TIOCGWINSZ, &window);
  is_int(window.ws_col * 1000 + window.ws_row, 90030, "the size is there from the start");
  (void) write(terminal.bench.typing, "hello\n", 6);
  bench_turn(&terminal.bench, 20);
  is_int(read(terminal.slave, text, sizeof text), 6, "what is typed is read inside");
  (void) write(terminal.slave, "answer\n", 7);
  bench_turn(&terminal.bench, 20);
  memset(text, 0, sizeof text);
  (void) recv(terminal.bench.output, text, sizeof text - 1, MSG_DONTWAIT);
  is_text(text, "hello\r\nanswer\r\n", "what is echoed and written inside is shown");
  tear_down(&terminal);
}

static void types_the_end(void) {
  struct terminal_bench terminal;
  char text[64];

  set_up(&terminal, false);
  (void) write(terminal.bench.typing, "ab", 2);
  (void) close(terminal.bench.typing);
  terminal.bench.typing = -1;
  bench_turn(&terminal.bench, 30);
  is_int(read(terminal.slave, text, sizeof text), 2, "a line without its end is read at the end");
  bench_turn(&terminal.bench, 250);
  is_int(read(terminal.slave, text, sizeof text), 0, "then the end");
  bench_turn(&terminal.bench, 250);
  is_int(read(terminal.slave, text, sizeof text), 0, "and the end again, for the next reader");
  is_int(read(terminal.slave, text, sizeof text), -1, "but no more than one at a time");
  tear_down(&terminal);
}

/* Whoever does not read stops whoever writes; what the kernel has is delivered all the same. */
static void delivers_to_a_stalled_reader(void) {
  static char chunk[1000], taken[1 << 20];
  struct terminal_bench terminal;
  int owner[2];
  long written = 0, got = 0, n;

  set_up(&terminal, true);
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, owner) < 0)
    fatal("owner");
  for (int idle = 0; idle < 3; bench_turn(&terminal.bench, 10)) {
    n = write(terminal.slave, chunk, sizeof chunk);
    idle = n > 0 ? 0 : idle + 1;
    written += n > 0 ? n : 0;
  }
  is_int(written > 8192 && written < 300000, 1, "a stalled reader stops the writer");
  bench_end(&terminal.bench, owner[0]);
  streams_close(terminal.bench.streams, NULL);
  terminal.bench.streams = NULL;
  while ((n = recv(terminal.bench.output, taken, sizeof taken, MSG_DONTWAIT)) > 0)
    got += n;
  is_int(got, written, "and finds all of it after the end");
  is_int(n, 0, "and then the end");
  (void) close(owner[0]);
  (void) close(owner[1]);
  tear_down(&terminal);
}

static void gives_up_with_its_owner(void) {
  static char chunk[4096];
  struct terminal_bench terminal;
  int owner[2];
  const int size = 1;

  set_up(&terminal, true);
  (void) setsockopt(terminal.bench.streams->flows[0].first.fd, SOL_SOCKET, SO_SNDBUF, &size,
                    sizeof size);
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, owner) < 0)
    fatal("owner");
  while (write(terminal.slave, chunk, sizeof chunk) > 0)
    bench_turn(&terminal.bench, 10);
  (void) close(owner[1]);
  bench_end(&terminal.bench, owner[0]); /* or this test does not end */
  tap_report(1, "who stalls does not hold the keeper when Node has died");
  (void) close(owner[0]);
  tear_down(&terminal);
}

static void shows_nobody(void) {
  static char chunk[4096];
  struct terminal_bench terminal;
  long written = 0;

  set_up(&terminal, true);
  (void) close(terminal.bench.output);
  for (int i = 0; i < 500; i++) {
    const ssize_t n = write(terminal.slave, chunk, sizeof chunk);

    written += n > 0 ? n : 0;
    bench_turn(&terminal.bench, 1);
  }
  is_int(written > 1000000, 1, "output that nobody reads does not stop the writer");
  terminal.bench.output = open("/dev/null", O_RDONLY);
  tear_down(&terminal);
}

static void rests_while_nobody_reads(void) {
  struct terminal_bench terminal;
  struct pollfd polled[STREAMS_POLLED];
  nfds_t count;
  int waited_ms = 0;
  int looks = 0;

  set_up(&terminal, false);
  (void) close(terminal.bench.typing);
  terminal.bench.typing = -1;
  for (; waited_ms < 1000; looks++) {
    const int timeout = streams_watch(terminal.bench.streams, polled, &count);

    (void) poll(polled, count, timeout < 0 ? 1000 : timeout);
    streams_serve(terminal.bench.streams, polled);
    waited_ms += timeout < 0 ? 0 : timeout;
  }
  is_int(looks <= 8, 1, "whether somebody reads is looked at less and less often");
  tear_down(&terminal);
}

static void puts_the_mode_back(void) {
  struct terminal_bench terminal;
  struct raw_terminal saved;
  struct termios before = {0}, now = {0}; /* padding is compared, too */
  struct failure why;

  set_up(&terminal, false);
  (void) tcgetattr(terminal.slave, &before);
  is_int(raw_save(terminal.slave, &saved, &why), 0, "the mode of a terminal is saved");
  is_int(raw_enter(terminal.slave, &saved, &why), 0, "it is made raw");
  (void) tcgetattr(terminal.slave, &now);
  is_int((long) (now.c_lflag & (ICANON | ECHO | ISIG)) + (long) (now.c_oflag & OPOST), 0, "raw");
  raw_leave(terminal.slave, &saved);
  (void) tcgetattr(terminal.slave, &now);
  is_int(memcmp(&now, &before, sizeof now), 0, "and is as it was");

  (void) raw_enter(terminal.slave, &saved, &why);
  now.c_lflag &= ~(tcflag_t) ECHO; /* a shell, say */
  (void) tcsetattr(terminal.slave, TCSANOW, &now);
  raw_leave(terminal.slave, &saved);
  (void) tcgetattr(terminal.slave, &before);
  is_int(before.c_lflag == now.c_lflag, 1, "what somebody else has set meanwhile stays");
  is_int(raw_save(terminal.bench.typing, &saved, &why), -ENOTTY, "a pipe has no mode");
  tear_down(&terminal);
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
