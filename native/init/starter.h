/* starter.h — the outside of a bare start: what `create` and whoever joins have in common.
 *
 *   starter_await()     one step of the conversation with the child, while Node may give orders
 *   starter_release()   `created` to Node, its `release`, and the child is on its own
 *   starter_stay()      or it is not: we are its parent to the end, and report it
 *
 * FD_EVENTS is a socket to Node; 0, 1 and 2 are the command's, and so are those from FD_EXTRA on
 * that the plan's `preserve-fds` counts. Words:
 *
 *   console   FD_EXTRA is a socket that a terminal's master is sent to; the others come behind it
 *   stay      we end when the child does, and it dies with us
 *
 * Node's orders, a line for each: `go` after `cgroup` and `hooks`, `release` after `created`, and
 * `signal N`. Its end, before all is said, is the child's.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "../core/plan.h"
#include "lines.h"
#include "verb.h"

struct starter {
  pid_t pid; /* 0 before there is one */
  int pidfd;
  int sync;   /* our end of the conversation */
  bool stays; /* the word `stay` */
  bool has_go;
  bool has_release;
  int console;         /* a socket, or -1 */
  int preserved;       /* the first */
  int preserved_count; /* how many */
  struct lines from_node;
};

#define STARTER_NONE                                                                               \
  ((struct starter){.pidfd = -1, .sync = -1, .console = -1, .preserved = FD_EXTRA})

int starter_read_words(struct starter *starter, char *const *words, struct failure *why);

/* What the plan counts has to be there: the child could not tell it from what is its own. */
int starter_find_preserved(struct starter *starter, const struct plan *plan, struct failure *why);

/* Where the plan has a terminal, its master goes to the plan's socket, or to Node's. */
int starter_take_terminal(struct starter *starter, const struct plan *plan, struct failure *why);

/* Until `sync` can be read without waiting. ECANCELED: Node has ended. */
int starter_await(struct starter *starter, struct failure *why);
/* The same of another descriptor. */
int starter_await_fd(struct starter *starter, int fd, struct failure *why);

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
