/* streams.c — what a container reads and writes, on its way through the keeper.
 *
 *                 ┌────────── keeper ──────────┐
 *                 │            ┌──▶ log        │
 *   command 1, 2 ═╪══▶ chunk ──┼──▶ first ═════╪══▶ Node's pipes, a file, a terminal
 *                 │            └──▶ clients ◀══╪══▶ socket
 *   command 0 ◀═══╪══ chunk ◀──── first, clients
 *                 └────────────────────────────┘
 *
 * A terminal's master is the source of the one and the sink of the other: they do not wait for
 * each other, so a program that echoes more than anybody reads can still be typed at.
 */
#include "streams.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/clock.h"
#include "streams_parts.h"

/* Reads at a time: others are to be heard. */
#define ROUNDS 8

/* How long somebody who takes nothing is waited for at the end. */
#define GIVE_UP_MS 5000

enum {
  POLLED_SOURCE,
  POLLED_FIRST = POLLED_SOURCE + FLOWS,
  POLLED_INPUT = POLLED_FIRST + FLOWS,
  POLLED_CLIENTS = POLLED_INPUT + INPUT_POLLED,
};
_Static_assert(POLLED_CLIENTS + CLIENTS_POLLED < STREAMS_POLLED, "one more for the owner");
_Static_assert(CLIENTS_MAX == STREAMS_MAX_CLIENTS, "two names of one number");

static int place_nothing(int from, int to, struct failure *why) {
  autoclose int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

  for (int fd = from; fd <= to; fd++)
    if (nothing < 0 || dup2(nothing, fd) < 0)
      return fail(why, errno, "take the streams");
  return 0;
}

static int take_over(struct streams *streams, struct failure *why) {
  const struct streams_options *options = &streams->options;
  const bool can_type = options->is_input_open || options->has_terminal;

  streams->flows[FLOW_OUTPUT].first = end_adopt(STDOUT_FILENO, true);
  if (!options->has_terminal)
    streams->flows[FLOW_ERRORS].first = end_adopt(STDERR_FILENO, true);
  if (can_type)
    streams->input.first = end_adopt(STDIN_FILENO, false);
  streams->input.is_first_once = options->is_first_once;
  return place_nothing(can_type ? STDIN_FILENO : STDOUT_FILENO, STDERR_FILENO, why);
}

int streams_open(const struct streams_options *options, struct streams **ret_streams,
                 struct failure *why) {
  struct streams *streams = calloc(1, sizeof *streams); /* what is not used is not touched */
  int r = 0;

  if (streams == NULL)
    return fail(why, ENOMEM, "take the streams");
  streams->options = *options;
  streams->input.sink = -1;
  streams->input.first = END_NONE;
  streams->terminal = TERMINAL_NONE;
  streams->log.file = streams->log.directory = -1;
  for (int i = 0; i < FLOWS; i++) {
    streams->flows[i].source = -1;
    streams->flows[i].first = END_NONE;
  }
  (void) signal(SIGPIPE, SIG_IGN); /* who does not read, and a file that is to be no larger, */
  (void) signal(SIGXFSZ, SIG_IGN); /* say so by errno */
  if (options->is_relayed)
    r = take_over(streams, why);
  if (r < 0) {
    free(streams);
    return r;
  }
  if (options->log != NULL)
    log_open(&streams->log, &(struct log_options){.path = options->log,
                                                  .max_bytes = options->log_max_bytes,
                                                  .max_files = options->log_max_files});
  clients_open(&streams->clients, options->socket);
  *ret_streams = streams;
  return 0;
}

const char *streams_socket_error(const struct streams *streams) {
  return streams == NULL ? "" : streams->clients.error;
}

/* The end that is ours does not wait; `standard` becomes that of the command. */
static int open_pipe(int standard, int *ret_ours, struct failure *why) {
  const bool is_input = standard == STDIN_FILENO;
  int ends[2];

  if (pipe2(ends, O_CLOEXEC) < 0)
    return fail(why, errno, "make a pipe");
  autoclose int theirs = ends[is_input ? 0 : 1];
  autoclose int ours = ends[is_input ? 1 : 0];
  if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0 || dup2(theirs, standard) < 0)
    return fail(why, errno, "make a pipe");
  *ret_ours = steal_fd(&ours);
  return 0;
}

static int open_pipes(struct streams *streams, struct failure *why) {
  int sink = -1;
  int r = 0;

  if (streams->options.is_input_open) {
    r = open_pipe(STDIN_FILENO, &sink, why);
    if (r == 0)
      input_begin(&streams->input, sink, NULL);
  }
  for (int i = 0; i < FLOWS && r == 0; i++) {
    r = open_pipe(STDOUT_FILENO + i, &streams->flows[i].source, why);
    flow_begin(&streams->flows[i], true);
  }
  return r;
}

int streams_begin(struct streams *streams, struct failure *why) {
  if (streams == NULL || !streams->options.is_relayed || streams->options.has_terminal)
    return 0;
  const int r = open_pipes(streams, why);
  if (r < 0)
    streams_begun(streams);
  return r;
}

int streams_take_terminal(struct streams *streams, int master, struct size size,
                          struct failure *why) {
  const struct size now = streams->size.columns > 0 ? streams->size : size;
  const int r = terminal_open(&streams->terminal, master, now, why);

  if (r < 0)
    return r;
  streams->flows[FLOW_OUTPUT].source = master;
  flow_begin(&streams->flows[FLOW_OUTPUT], false);
  input_begin(&streams->input, master, &streams->terminal);
  return 0;
}

void streams_begun(struct streams *streams) {
  struct failure ignored;

  if (streams != NULL)
    (void) place_nothing(STDIN_FILENO, STDERR_FILENO, &ignored);
}

void streams_resize(struct streams *streams, struct size size) {
  if (streams == NULL || !streams->options.has_terminal)
    return;
  streams->size = size;
  terminal_resize(&streams->terminal, size);
}

void streams_detach(struct streams *streams) {
  if (streams != NULL)
    streams->input.is_first_once = false;
}

static int sooner(int one_ms, int other_ms) {
  if (one_ms < 0 || other_ms < 0)
    return one_ms < 0 ? other_ms : one_ms;
  return one_ms < other_ms ? one_ms : other_ms;
}

static void watch_flow(const struct streams *streams, int number, struct pollfd polled[]) {
  const struct flow *flow = &streams->flows[number];
  const bool is_free = flow_lack(streams, number) == 0 && !flow->is_passed_on;
  const bool is_first_lacking = flow->first_from < flow->size || flow->is_passed_on;

  polled[POLLED_SOURCE + number] =
      (struct pollfd){.fd = is_free ? flow->source : -1, .events = POLLIN};
  polled[POLLED_FIRST + number] =
      (struct pollfd){.fd = is_first_lacking ? flow->first.fd : -1, .events = POLLOUT};
}

int streams_watch(struct streams *streams, struct pollfd polled[static STREAMS_POLLED],
                  nfds_t *ret_count) {
  *ret_count = 0;
  if (streams == NULL)
    return -1;
  for (int i = 0; i < FLOWS; i++)
    watch_flow(streams, i, polled);
  int timeout_ms = input_watch(&streams->input, polled + POLLED_INPUT);
  timeout_ms = sooner(timeout_ms, log_timeout(&streams->log));
  timeout_ms = sooner(timeout_ms, clients_watch(streams, polled + POLLED_CLIENTS, ret_count));
  *ret_count += POLLED_CLIENTS;
  return timeout_ms;
}

/* An end that could wait is written to when poll() tells of room. */
static bool may_write(const struct flow *flow) {
  return flow->first.kind == END_OWN || flow->first.kind == END_FILE;
}

static bool read_on(struct streams *streams, int number) {
  struct flow *flow = &streams->flows[number];

  if (!flow_fill(streams, number))
    return false;
  if (may_write(flow))
    flow_send_first(flow);
  return true;
}

static void serve_flow(struct streams *streams, int number, const struct pollfd polled[]) {
  struct flow *flow = &streams->flows[number];

  if (polled[POLLED_FIRST + number].revents != 0)
    flow_send_first(flow);
  if (polled[POLLED_SOURCE + number].revents == 0 && !flow->is_passed_on)
    return;
  flow->is_passed_on = false;
  for (int i = 0; i < ROUNDS && flow->source >= 0; i++)
    if (flow_can_pass_on(streams, number) ? !flow_pass_on(streams, number)
                                          : !read_on(streams, number))
      return;
  flow_enlarge(streams, number);
}

void streams_serve(struct streams *streams, const struct pollfd polled[static STREAMS_POLLED]) {
  if (streams == NULL)
    return;
  input_serve(&streams->input, polled + POLLED_INPUT);
  for (int i = 0; i < FLOWS; i++)
    serve_flow(streams, i, polled);
  clients_serve(streams, polled + POLLED_CLIENTS);
  if (log_timeout(&streams->log) == 0)
    log_flush(&streams->log);
}

void streams_greet(struct streams *streams, const char *json) {
  char *copy = streams == NULL ? NULL : strdup(json);

  if (copy == NULL)
    return;
  free(streams->clients.greeting);
  streams->clients.greeting = copy;
}

void streams_tell(struct streams *streams, const char *json) {
  if (streams != NULL)
    clients_tell(&streams->clients, json);
}

/* All that is there, to all that have room for it. What is left. */
static size_t drain(struct streams *streams) {
  size_t left = 0;

  for (int i = 0; i < FLOWS; i++) {
    struct flow *flow = &streams->flows[i];

    do {
      if (flow->first.kind != END_SHARED)
        flow_send_first(flow);
      clients_send(streams);
    } while (flow->source >= 0 && flow_fill(streams, i));
    left += flow_lack(streams, i);
  }
  return left;
}

/* So that nobody has to wait for who reads slowly. */
static void enlarge_first(struct streams *streams) {
  for (int i = 0; i < FLOWS; i++)
    if (streams->flows[i].first_from < streams->flows[i].size)
      end_enlarge(&streams->flows[i].first);
}

static void give_up_first(struct streams *streams) {
  for (int i = 0; i < FLOWS; i++) {
    struct flow *flow = &streams->flows[i];

    if (flow->first_from < flow->size)
      end_close(&flow->first);
    flow->first_from = flow->size;
  }
}

/* Clients are heard meanwhile. False once Node is gone. */
static bool wait_for_readers(struct streams *streams, int owner, int patience_ms) {
  struct pollfd polled[STREAMS_POLLED];
  nfds_t count;
  const int timeout_ms = sooner(patience_ms, streams_watch(streams, polled, &count));

  polled[count] = (struct pollfd){.fd = owner, .events = 0};
  if (poll(polled, count + 1, timeout_ms) < 0)
    return true;
  streams_serve(streams, polled);
  return polled[count].revents == 0;
}

/* Everything but what nobody takes. */
static void deliver(struct streams *streams, int owner) {
  int64_t give_up_ms = clock_ms() + GIVE_UP_MS;
  bool is_owned = owner >= 0;
  size_t left = drain(streams);

  if (left > 0) {
    enlarge_first(streams);
    left = drain(streams);
  }
  while (left > 0) {
    const int64_t patience_ms = give_up_ms - clock_ms();
    const size_t before = left;

    if (patience_ms <= 0 || streams->is_hurried)
      clients_give_up(streams);
    if (streams->is_hurried || (patience_ms <= 0 && !is_owned))
      give_up_first(streams);
    is_owned = wait_for_readers(streams, is_owned ? owner : -1,
                                patience_ms > 0 ? (int) patience_ms : GIVE_UP_MS) &&
               is_owned;
    if (owner >= 0 && !is_owned)
      give_up_first(streams);
    left = drain(streams);
    if (left != before)
      give_up_ms = clock_ms() + GIVE_UP_MS;
  }
}

void streams_end(struct streams *streams, int owner) {
  if (streams == NULL || !streams->options.is_relayed)
    return;
  input_stop(&streams->input);
  streams->is_draining = true;
  streams->is_hurried = false;
  for (int i = 0; i < FLOWS; i++)
    flow_limit(&streams->flows[i]);
  deliver(streams, owner);
  streams->is_draining = false;
  for (int i = 0; i < FLOWS; i++)
    flow_close_source(streams, i);
  if (streams->options.has_terminal)
    terminal_close(&streams->terminal);
  streams->input.terminal = NULL;
  log_flush(&streams->log);
}

void streams_hide(struct streams *streams) {
  if (streams != NULL)
    clients_hide(&streams->clients);
}

void streams_close(struct streams *streams, const char *last_word) {
  if (streams == NULL)
    return;
  clients_close(streams, last_word);
  if (streams->options.log != NULL)
    log_close(&streams->log);
  for (int i = 0; i < FLOWS; i++) {
    flow_close_source(streams, i);
    end_close(&streams->flows[i].first);
  }
  end_close(&streams->input.first);
  terminal_close(&streams->terminal);
  free(streams);
}
