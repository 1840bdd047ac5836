/* terminal.h — the keeper's side of a container's terminal: its master, its size, the end of what
 * is typed. What is typed and shown goes through streams.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../core/failure.h"

struct terminal {
  int master;
  int slave;           /* keeps the terminal alive while nobody inside has it open */
  bool at_end;         /* whoever reads it inside is to find the end of input */
  int64_t next_end_ms; /* when to look again whether somebody reads */
  int end_interval_ms; /* from now on */
};

struct size {
  unsigned short columns, rows; /* 0: not known */
};

#define TERMINAL_NONE ((struct terminal){.master = -1, .slave = -1})

/* Takes the master over, on failure too. */
int terminal_open(struct terminal *terminal, int master, struct size size, struct failure *why);

/* Programs inside are told by SIGWINCH. */
void terminal_resize(const struct terminal *terminal, struct size size);

/* Whoever reads it inside is to find the end of input, from now on. */
void terminal_end_input(struct terminal *terminal);
/* When terminal_type_end() is due, for as long as nothing else is to be typed: milliseconds, or -1.
 */
int terminal_timeout(const struct terminal *terminal);
void terminal_type_end(struct terminal *terminal);

void terminal_close(struct terminal *terminal);
