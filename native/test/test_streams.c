/* test_streams.c — what a command reads and writes, and the process that started it. */
#include <signal.h>
#include <sys/wait.h>

#include "streams_bench.h"

static void relays_both_ways(void) {
  struct bench bench;

  bench_set_up(&bench, (struct streams_options){.is_input_open = true});
  (void) write(bench.out, "out", 3);
  (void) write(bench.err, "err", 3);
  (void) write(bench.typing, "in", 2);
  bench_turn(&bench, 10);
  is_text(bench_read(bench.output), "out", "what it writes is read");
  is_text(bench_read(bench.errors), "err", "and its errors, apart");
  is_text(bench_read(bench.in), "in", "what is typed it reads");
  bench_close(&bench.out);
  bench_turn(&bench, 10);
  (void) write(bench.err, "more", 4);
  bench_turn(&bench, 10);
  is_text(bench_read(bench.errors), "more", "one stream ends without the other");
  (void) write(bench.err, "last", 4);
  bench_end(&bench, -1);
  is_text(bench_read(bench.errors), "last", "what is left at the end is delivered");
  streams_close(bench.streams, NULL);
  bench.streams = NULL;
  is_text(bench_read(bench.output), "(end)", "then the end");
  bench_tear_down(&bench);
}

static void ends_input(void) {
  struct bench bench;

  bench_set_up(&bench, (struct streams_options){.is_input_open = true, .is_first_once = true});
  (void) write(bench.typing, "in", 2);
  bench_close(&bench.typing);
  bench_turn(&bench, 10);
  is_text(bench_read(bench.in), "in", "what was typed before the end is read");
  is_text(bench_read(bench.in), "(end)", "and then the end");
  bench_end(&bench, -1);
  bench_begin(&bench);
  is_text(bench_read(bench.in), "(end)", "by the next that is started, too");
  bench_tear_down(&bench);

  bench_set_up(&bench, (struct streams_options){.is_input_open = true});
  (void) fcntl(bench.in, F_SETFL, O_NONBLOCK);
  bench_close(&bench.typing);
  bench_turn(&bench, 10);
  is_text(bench_read(bench.in), "", "an input that is to stay open does");
  bench_tear_down(&bench);

  bench_set_up(&bench, (struct streams_options){.is_input_open = true, .is_first_once = true});
  (void) fcntl(bench.in, F_SETFL, O_NONBLOCK);
  streams_detach(bench.streams);
  bench_close(&bench.typing);
  bench_turn(&bench, 10);
  is_text(bench_read(bench.in), "", "also when who started it has detached");
  bench_tear_down(&bench);

  bench_set_up(&bench, (struct streams_options){.is_input_open = true});
  bench_close(&bench.in);
  bench_turn(&bench, 10);
  is_int(write(bench.typing, "x", 1) < 0 && errno == EPIPE, 1, "who types to nobody is told");
  bench_tear_down(&bench);

  bench_set_up(&bench, (struct streams_options){.log = NULL});
  (void) write(bench.typing, "in", 2);
  is_text(bench_read(bench.in), "in", "an input that is not kept open is Node's own");
  bench_end(&bench, -1);
  bench_begin(&bench);
  is_text(bench_read(bench.in), "(end)", "and nobody's when it is started again");
  bench_tear_down(&bench);
}

/* Each number of so many in a line of its own, as far as there is room. */
static long write_numbers(int fd, long from, long to) {
  char line[32];

  for (; from < to; from++) {
    const int n = snprintf(line, sizeof line, "%07ld\n", from);
    if (write(fd, line, (size_t) n) != n)
      break;
  }
  return from;
}

/* Whether the numbers go on from there; how far. */
static long read_numbers(int fd, long from) {
  static char taken[1 << 20];
  static size_t used;
  ssize_t n;

  used = 0;
  while ((n = read(fd, taken + used, sizeof taken - used)) > 0)
    used += (size_t) n;
  for (size_t i = 0; i + 8 <= used; i += 8, from++)
    if (strtol(taken + i, NULL, 10) != from)
      return -1;
  return from;
}

static void waits_for_readers(void) {
  struct bench bench;
  long written = 0, before, got;

  bench_set_up(&bench, (struct streams_options){.log = NULL});
  do {
    before = written;
    written = write_numbers(bench.out, written, 1 << 20);
    bench_turn(&bench, 5);
  } while (written > before);
  is_int(written > 8192 && written < 65536, 1, "who does not read stops who writes");
  is_int(bench_turn(&bench, 20), 0, "and nothing happens meanwhile");
  (void) write(bench.err, "other", 5);
  bench_turn(&bench, 5);
  is_text(bench_read(bench.errors), "other", "but on the other stream");
  got = read_numbers(bench.output, 0);
  bench_turn(&bench, 5);
  written = write_numbers(bench.out, written, 1 << 20);
  bench_turn(&bench, 5);
  is_int(got > 0 && written > before, 1, "once it is read, it goes on");
  bench_end(&bench, -1); /* or this test does not end at once */
  is_int(read_numbers(bench.output, got), written, "at the end there is room for the rest");
  bench_tear_down(&bench);
}

static void forgets_who_is_gone(void) {
  struct bench bench;
  long written = 0, before;

  bench_set_up(&bench, (struct streams_options){.log = NULL});
  bench_close(&bench.output);
  do {
    before = written;
    written = write_numbers(bench.out, written, 100000);
    bench_turn(&bench, 1);
  } while (written > before);
  is_int(written, 100000, "output that nobody reads does not stop the writer");
  (void) write(bench.err, "err", 3);
  bench_turn(&bench, 5);
  is_text(bench_read(bench.errors), "err", "the other stream is read still");
  bench_tear_down(&bench);
}

static void begins_again(void) {
  struct bench bench;

  bench_set_up(&bench, (struct streams_options){.is_input_open = true});
  (void) write(bench.typing, "unread", 6);
  (void) write(bench.out, "one ", 4);
  bench_turn(&bench, 5);
  bench_end(&bench, -1);
  (void) write(bench.typing, "second", 6);
  bench_turn(&bench, 5);
  bench_begin(&bench);
  bench_turn(&bench, 5);
  is_text(bench_read(bench.in), "second", "what the one did not read is not read by the next");
  (void) write(bench.out, "two", 3);
  bench_turn(&bench, 5);
  is_text(bench_read(bench.output), "one two", "output goes on where it was");
  bench_tear_down(&bench);
}

static void outlasts_a_handed_on_end(void) {
  static char chunk[4096];
  struct bench bench;

  bench_set_up(&bench, (struct streams_options){.log = NULL});
  bench_close(&bench.output);
  const int kept = fcntl(bench.out, F_DUPFD_CLOEXEC, 10);
  const pid_t pid = fork();
  if (pid == 0) {
    (void) fcntl(kept, F_SETFL, 0);
    while (write(kept, chunk, sizeof chunk) > 0)
      continue;
    _exit(0);
  }
  (void) close(kept);
  bench_end(&bench, -1); /* or this test does not end */
  tap_report(1, "who was handed the end of a stream does not keep the keeper");
  (void) kill(pid, SIGKILL);
  (void) waitpid(pid, NULL, 0);
  bench_tear_down(&bench);
}

int main(void) {
  relays_both_ways();
  ends_input();
  waits_for_readers();
  forgets_who_is_gone();
  begins_again();
  outlasts_a_handed_on_end();
  return done_testing();
}
