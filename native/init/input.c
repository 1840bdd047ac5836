#include "input.h"

#include <errno.h>
#include <unistd.h>

static bool is_empty(const struct input *input) {
  return input->from == input->to;
}

/* A terminal's master is the terminal's. */
static void close_sink(struct input *input) {
  if (input->sink >= 0 && input->terminal == NULL)
    (void) close(input->sink);
  input->sink = -1;
}

/* Nobody is to read it: who types is told so. */
static void give_up(struct input *input) {
  input->from = input->to;
  input->is_open = false;
  end_close(&input->first);
  close_sink(input);
}

/* A pipe ends; a terminal has no end, but somebody who finds one (terminal.c). */
static void pass_end_on(struct input *input) {
  if (!input->is_ending || !is_empty(input) || input->sink < 0)
    return;
  if (input->terminal == NULL)
    give_up(input);
  else
    terminal_end_input(input->terminal);
}

void input_begin(struct input *input, int sink, struct terminal *terminal) {
  input->sink = sink;
  input->terminal = terminal;
  input->is_open = sink >= 0;
  pass_end_on(input);
}

void input_stop(struct input *input) {
  input->from = input->to;
  close_sink(input);
}

bool input_has_room(const struct input *input) {
  return is_empty(input) && (input->sink >= 0 || !input->is_open);
}

static void write_some(struct input *input) {
  const ssize_t n = write(input->sink, input->bytes + input->from, input->to - input->from);

  if (n > 0)
    input->from += (size_t) n;
  else if (n < 0 && errno != EAGAIN && errno != EINTR)
    give_up(input);
  pass_end_on(input);
}

void input_put(struct input *input, size_t size) {
  input->from = 0;
  input->to = input->is_open ? size : 0;
  if (!is_empty(input))
    write_some(input);
}

void input_end(struct input *input) {
  input->is_ending = true;
  pass_end_on(input);
}

static void read_first(struct input *input) {
  const ssize_t n = end_read(&input->first, input->bytes, sizeof input->bytes);

  if (n > 0) {
    input_put(input, (size_t) n);
  } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
    end_close(&input->first);
    if (input->is_first_once)
      input_end(input);
  }
}

int input_watch(const struct input *input, struct pollfd polled[static INPUT_POLLED]) {
  /* A descriptor of which nothing is wanted is left out: poll() would tell of its end for ever. A
   * pipe that nobody reads tells so in any case. */
  polled[INPUT_POLLED_FIRST] = (struct pollfd){
      .fd = input_has_room(input) ? input->first.fd : -1,
      .events = POLLIN,
  };
  polled[INPUT_POLLED_SINK] = (struct pollfd){
      .fd = is_empty(input) && input->terminal != NULL ? -1 : input->sink,
      .events = is_empty(input) ? 0 : POLLOUT,
  };
  return input->terminal == NULL ? -1 : terminal_timeout(input->terminal);
}

void input_serve(struct input *input, const struct pollfd polled[static INPUT_POLLED]) {
  if (polled[INPUT_POLLED_SINK].revents != 0 && !is_empty(input))
    write_some(input);
  else if (polled[INPUT_POLLED_SINK].revents & POLLERR)
    give_up(input);
  if (polled[INPUT_POLLED_FIRST].revents != 0 && input_has_room(input))
    read_first(input);
  if (input->terminal != NULL && is_empty(input))
    terminal_type_end(input->terminal);
}
