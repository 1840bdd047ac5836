/* frames.h — what a keeper and its clients say to each other, in pieces:
 *
 *   u8 type   3 bytes of zero   u32 size, big endian   the bytes
 *
 * The header is that of Docker's streams. Who says anything else is not spoken to any more.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define FRAME_HEADER 8
#define FRAME_MAX 65536

enum frame_type {
  FRAME_INPUT,  /* to the command; without a byte: it is to find the end of its input */
  FRAME_OUTPUT, /* of the command: its 1, or its terminal */
  FRAME_ERRORS, /* its 2 */
  FRAME_WORDS,  /* to the keeper: an order; from it: one JSON object */
};

/* One frame on its way in. Its beginning is { 0 }. */
struct frame {
  unsigned char header[FRAME_HEADER];
  size_t have; /* of the header */
  size_t left; /* of the bytes behind it, once the header is whole */
};

void frame_write_header(unsigned char header[static FRAME_HEADER], enum frame_type type,
                        size_t size);

/* The header has become whole: what a client may send, and how much. 0, or -EPROTO. */
int frame_open(struct frame *frame);

enum frame_type frame_type(const struct frame *frame);
