/* input.h — what is typed, on its way to a container's command: from the client that started it,
 * and from all that have attached. */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "ends.h"
#include "terminal.h"

#define INPUT_CHUNK 65536

enum { INPUT_POLLED_FIRST, INPUT_POLLED_SINK, INPUT_POLLED };

struct input {
  int sink;           /* a pipe's end, or a terminal's master; -1: the command does not run */
  bool is_open;       /* there is, or will be, somebody to read it */
  bool is_ending;     /* once what there is has been written, the command finds the end */
  bool is_first_once; /* the end of what `first` types is that */
  struct end first;   /* of the client that started the container */
  struct terminal *terminal; /* whose master it is, or NULL */
  size_t from, to;           /* what is still to be written */
  char bytes[INPUT_CHUNK];
};

/* The command is about to start: `sink` is taken over, but for a terminal's master, which
 * `terminal` has. */
void input_begin(struct input *input, int sink, struct terminal *terminal);
/* It has ended: what it has not read goes nowhere. */
void input_stop(struct input *input);

/* Milliseconds, or -1. */
int input_watch(const struct input *input, struct pollfd polled[static INPUT_POLLED]);
void input_serve(struct input *input, const struct pollfd polled[static INPUT_POLLED]);

/* Whether there is room: for a whole chunk, then, at `bytes`. Where nobody is to read it, what is
 * put there goes nowhere. */
bool input_has_room(const struct input *input);
void input_put(struct input *input, size_t size);

/* Who typed with `once` has come to the end, or has left. */
void input_end(struct input *input);
