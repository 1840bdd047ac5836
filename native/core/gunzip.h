/* gunzip.h — members of gzip (RFC 1952) into bytes, piece after piece: some 2.5 times as fast as
 * zlib's inflate(), of which it accepts and refuses the same.
 *
 * The caller owns both buffers. What was produced last, up to GUNZIP_HISTORY bytes, stands right
 * before `out`: matches refer to it. Bytes behind what is produced, up to `out_end`, may be
 * overwritten. Behind `in_end` GUNZIP_SLACK bytes can be read, whatever they are. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "failure.h"

#define GUNZIP_HISTORY 32768u
#define GUNZIP_SLACK 32u
/* Input and room that a call asks for, unless no more input comes. */
#define GUNZIP_INPUT_MIN 1024u
#define GUNZIP_ROOM_MIN 1024u

struct gunzip;

struct gunzip_io {
  const unsigned char *in; /* moved on */
  const unsigned char *in_end;
  unsigned char *out; /* moved on */
  unsigned char *out_end;
  int is_last; /* no more input comes */
};

enum gunzip_result {
  GUNZIP_INPUT = 0, /* fewer than GUNZIP_INPUT_MIN bytes are left, and they are needed */
  GUNZIP_ROOM,      /* less than GUNZIP_ROOM_MIN is left of it */
  GUNZIP_MEMBER,    /* ends here; another one may follow at `in` */
};

int gunzip_open(struct gunzip **ret_gunzip, struct failure *why);

/* One of enum gunzip_result. EBADMSG for what is no gzip, with the reason alone in `why`. */
int gunzip_run(struct gunzip *gunzip, struct gunzip_io *io, struct failure *why);

void gunzip_close(struct gunzip *gunzip);
