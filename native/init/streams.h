/* streams.h — what a container reads and writes, on its way through the keeper: to the log, to the
 * client that started it, and to those that attach over its socket.
 *
 *   streams_open()         once: takes over the keeper's 0, 1 and 2, begins the log and the socket
 *   streams_begin()        before each start: 0, 1 and 2 are those of the container's command
 *   streams_take_terminal()    where it has a terminal, whose master has come from the child
 *   streams_begun()        the command runs, or has failed to: 0, 1 and 2 are /dev/null again
 *   streams_watch(), streams_serve()   before and after each poll(), in a restart's pause too
 *   streams_end()          the command and all it started has ended: deliver what they still wrote
 *   streams_hide()         its end is noted: no one else connects
 *   streams_close()        all is put away: the last word to all clients, then their end
 *
 * Where a `struct streams *` is NULL, nothing happens: the container has its streams from Node.
 *
 * What is written goes to the log at once, then to all that are attached; more is read when all of
 * them have it. So who does not read stops who writes, and who is gone does not. The log never
 * stops anybody: what a full disk does not take is lost, and counted there once it takes more.
 *
 * Clients speak in frames (frames.h) over a unix socket. What they may say, one order a frame:
 *
 *   attach [stdin] [stdout] [stderr] [once]   once: when what it types ends, or it leaves, then
 *                                             the command finds the end of its input
 *   anything else                             `obey` is asked
 *
 * Each is answered in its order, {"event":"done"} or {"event":"failed","errno":…,"what":…}. Orders
 * behind input that the command does not read wait as long as that does: who types much and wants
 * to be heard meanwhile gives its orders over a second connection.
 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "../core/failure.h"
#include "terminal.h"

#define STREAMS_MAX_CLIENTS 256
/* What poll() is to be given room for. */
#define STREAMS_POLLED (STREAMS_MAX_CLIENTS + 8)

struct streams;

struct streams_options {
  /* Its output is read by us. Else its command has what the keeper inherited as 0, 1 and 2, there
   * is no log, and who attaches is refused; the socket takes orders all the same. */
  bool is_relayed;
  bool has_terminal;
  /* Its input is a pipe that stays open when those who type leave. Else its first start has what
   * the keeper inherited as 0, and later ones have /dev/null. A terminal can always be typed at. */
  bool is_input_open;
  /* The end of what the keeper inherited as 0 is the end of its input. */
  bool is_first_once;
  const char *log;        /* its path; NULL: none is kept */
  uint64_t log_max_bytes; /* from there on a new file is begun; 0: never */
  unsigned log_max_files; /* with the one that is written; at least 1 */
  const char *socket;     /* its path; NULL: there is none */
  /* An order of a client, without an end of line. 0, or -errno and `why`: the client is told. */
  int (*obey)(void *whose, const char *order, struct failure *why);
  void *whose;
};

/* The texts are to outlive it. On failure there is none. That the socket or the log cannot be made
 * is no failure. */
int streams_open(const struct streams_options *options, struct streams **ret_streams,
                 struct failure *why);

/* Why clients cannot connect: "" when they can. */
const char *streams_socket_error(const struct streams *streams);

/* On failure 0, 1 and 2 are /dev/null, as after streams_begun(). */
int streams_begin(struct streams *streams, struct failure *why);
/* Takes the master over, on failure too. `size` is that of the last streams_resize(), if any. */
int streams_take_terminal(struct streams *streams, int master, struct size size,
                          struct failure *why);
void streams_begun(struct streams *streams);

/* Programs inside are told by SIGWINCH; the next start begins with it. */
void streams_resize(struct streams *streams, struct size size);

/* The client that started it leaves, and its input stays as it is: the order `detach`. */
void streams_detach(struct streams *streams);

/* What to wait for, and for how long at most: milliseconds, or -1 for ever. */
int streams_watch(struct streams *streams, struct pollfd polled[static STREAMS_POLLED],
                  nfds_t *ret_count);
/* With what streams_watch() asked for. Calls `obey`, which may call any of these but
 * streams_serve(), streams_end() and streams_close(). */
void streams_serve(struct streams *streams, const struct pollfd polled[static STREAMS_POLLED]);

/* What everybody who connects is told first, from now on: one JSON object, which is copied. Until
 * it is set, who connects waits. */
void streams_greet(struct streams *streams, const char *json);
/* To all clients, behind what they are still to have: one JSON object. One that has not taken
 * dozens of those before is dropped. */
void streams_tell(struct streams *streams, const char *json);

/* Returns when all have what was written, but does not wait for: a client that takes nothing for
 * seconds; any, once `owner`, a socket or -1, says that Node is gone. */
void streams_end(struct streams *streams, int owner);

/* Nobody finds the socket any more. Before the next keeper of this container may make its own. */
void streams_hide(struct streams *streams);

/* Those who have connected at the last moment are told, too. */
void streams_close(struct streams *streams, const char *last_word);
