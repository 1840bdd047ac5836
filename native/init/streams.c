#include "streams.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct streams {
  struct streams_options options;
};

int streams_open(const struct streams_options *options, struct streams **ret_streams,
                 struct failure *why) {
  struct streams *streams = calloc(1, sizeof *streams);

  if (streams == NULL)
    return fail(why, ENOMEM, "take the streams");
  streams->options = *options;
  *ret_streams = streams;
  return 0;
}

const char *streams_socket_error(const struct streams *streams) {
  return "";
}

int streams_begin(struct streams *streams, struct failure *why) {
  return 0;
}

int streams_take_terminal(struct streams *streams, int master, struct size size,
                          struct failure *why) {
  (void) close(master);
  return fail(why, ENOTSUP, "relay a terminal");
}

void streams_begun(struct streams *streams) {
}

void streams_resize(struct streams *streams, struct size size) {
}

void streams_detach(struct streams *streams) {
}

int streams_watch(struct streams *streams, struct pollfd polled[static STREAMS_POLLED],
                  nfds_t *ret_count) {
  *ret_count = 0;
  return -1;
}

void streams_serve(struct streams *streams, const struct pollfd polled[static STREAMS_POLLED]) {
}

void streams_greet(struct streams *streams, const char *json) {
}

void streams_tell(struct streams *streams, const char *json) {
}

void streams_end(struct streams *streams, int owner) {
}

void streams_close(struct streams *streams, const char *last_word) {
  free(streams);
}
