/* terminal.h — the keeper's side of a container's terminal: bytes to and fro, its size, its end.
 *
 *   terminal_adopt(&terminal)     the keeper's 0 and 1 are Node's: take them away
 *   terminal_open(…)              the master has come from the child
 *   terminal_watch(), terminal_serve()  before and after each poll()
 *   terminal_finish()             the container has ended: deliver what it still wrote
 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../core/failure.h"

#define TERMINAL_POLLED 3
#define TERMINAL_CHUNK 8192

/* Bytes that were read and not yet written. */
struct chunk {
  size_t from, to;
  char bytes[TERMINAL_CHUNK];
};

struct terminal {
  int master;
  int slave;           /* keeps the terminal alive while nobody inside has it open */
  int input;           /* from Node: -1 when nothing more is typed */
  int output;          /* to Node: -1 when nobody reads */
  bool at_end;         /* whoever reads it inside is to find the end of input */
  int64_t next_end_ms; /* when to look again whether somebody reads */
  int end_interval_ms; /* from now on */
  struct chunk typed, shown;
};

struct size {
  unsigned short columns, rows; /* 0: not known */
};

/* The first of all calls. Descriptor 0 is a pipe from Node, 1 a socket to it: no process we start
 * inherits them. */
int terminal_adopt(struct terminal *terminal, struct failure *why);

/* Nobody types: those who read wait. */
void terminal_unplug(struct terminal *terminal);

/* Takes the master over, on failure too. */
int terminal_open(struct terminal *terminal, int master, struct size size, struct failure *why);

/* Programs inside are told by SIGWINCH. */
void terminal_resize(const struct terminal *terminal, struct size size);

/* What to wait for, and for how long at most: milliseconds, or -1 for ever. */
int terminal_watch(const struct terminal *terminal, struct pollfd polled[static TERMINAL_POLLED]);
void terminal_serve(struct terminal *terminal, const struct pollfd polled[static TERMINAL_POLLED]);

/* Returns when Node has all, or when `owner`, a socket, says that Node is gone. */
void terminal_finish(struct terminal *terminal, int owner);

/* Whoever reads it inside is to find the end of input, from now on. */
void terminal_end_input(struct terminal *terminal);
/* When terminal_type_end() is due: milliseconds, or -1. */
int terminal_timeout(const struct terminal *terminal);
void terminal_type_end(struct terminal *terminal);

void terminal_close(struct terminal *terminal);
