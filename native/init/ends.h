/* ends.h — a client's ends of the streams, as the keeper inherited them: pipes of Node, a socket, a
 * file or a terminal of its caller. Others have them open too, so that they are not to be made to
 * return at once; nor is the keeper to wait on them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct end {
  int fd; /* -1: there is none, or no more */
  bool is_pipe;
  enum {
    END_OWN,    /* opened anew, for ourselves: no call waits */
    END_SOCKET, /* no call waits that says so; written to only when poll() tells of room */
    END_FILE,   /* a file: no call waits for long */
    END_SHARED, /* could not be opened anew: as little at once as surely does not wait */
  } kind;
};

#define END_NONE ((struct end){.fd = -1})

/* Takes descriptor `standard` over, with what has it open. /dev/null is none to write to. */
struct end end_adopt(int standard, bool is_for_writing);

/* As read() and write(). May be called at any time, but of an END_SHARED when poll() says so. */
ssize_t end_read(const struct end *end, char *bytes, size_t size);
ssize_t end_write(const struct end *end, const char *bytes, size_t size);

/* Room for what is left, so that nobody waits for who will read it: a pipe becomes as large as an
 * ordinary user may have it. */
void end_enlarge(const struct end *end);

void end_close(struct end *end);
