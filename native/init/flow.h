/* flow.h — one direction out of a container: what is read there goes to the log, to the client
 * that started it, and to those that are attached. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "ends.h"

#define FLOW_CHUNK 65536

struct streams;

/* Nothing is read while anybody lacks some of `bytes`. */
struct flow {
  int source;    /* -1: it has ended, or has not begun */
  size_t limit;  /* how much more is read; SIZE_MAX: no end to that */
  size_t size;   /* how much was read */
  bool is_piped; /* not from a terminal */
  bool is_enlarged;
  bool is_passed_on; /* without a copy, and the first client's pipe was full */
  struct end first;  /* of the client that started the container */
  size_t first_from; /* what it does not have yet begins here */
  char bytes[FLOW_CHUNK];
};

/* It has a source, anew. */
void flow_begin(struct flow *flow, bool is_piped);

/* Read once, when nobody lacks anything. False when there was nothing: at its end, or, when the
 * command has ended, nothing just now, the source is closed. */
bool flow_fill(struct streams *streams, int number);

/* The same where the first client's pipe is all there is: pages go from one to the other. False
 * when there was nothing, or no room. */
bool flow_can_pass_on(const struct streams *streams, int number);
bool flow_pass_on(struct streams *streams, int number);

/* There is more than can be read at a time: fewer and longer turns, from now on. */
void flow_enlarge(struct streams *streams, int number);

/* The command has ended: no more is read than there can be. Who else has the other end, as it was
 * handed on, may write to it for ever. */
void flow_limit(struct flow *flow);

/* To the client that started it: some of what it lacks. */
void flow_send_first(struct flow *flow);

/* How many bytes are still to be had by anybody. */
size_t flow_lack(const struct streams *streams, int number);

/* A terminal's master is the terminal's. */
void flow_close_source(struct streams *streams, int number);
