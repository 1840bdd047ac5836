/* starter.h — the outside of a bare start: what `create` and whoever joins have in common.
 *
 *   starter_await()     one step of the conversation with the child, while Node may give orders
 *   starter_release()   `created` to Node, its `release`, and the child is on its own
 *   starter_stay()      or it is not: we are its parent to the end, and report it
 *
 * Node's orders, a line for each: `go` after `hooks`, `release` after `created`, and `signal N`.
 * Its end, before all is said, is the child's.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "../core/failure.h"
#include "lines.h"

struct starter {
  pid_t pid; /* 0 before there is one */
  int pidfd;
  int sync;   /* our end of the conversation */
  bool stays; /* the word `stay` */
  bool has_go;
  bool has_release;
  struct lines from_node;
};

/* Until `sync` can be read without waiting. ECANCELED: Node has ended. */
int starter_await(struct starter *starter, struct failure *why);

/* Tell Node an event with the child's pid, and wait until the flag is set by its order. EPIPE: the
 * child died meanwhile; a failure of its own is returned as such. */
int starter_ask(struct starter *starter, const char *event, const bool *flag, struct failure *why);

/* From READY to RELEASED. */
int starter_release(struct starter *starter, struct failure *why);

/* Until the child ends: `exited {exitCode, signal}`. Node's end is the child's. */
int starter_stay(struct starter *starter, struct failure *why);

/* Kill and reap. */
void starter_give_up(struct starter *starter);

/* Of what is open for the child, and all else but Node and the child. */
void starter_let_go(struct starter *starter);
