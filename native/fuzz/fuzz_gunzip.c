/* fuzz_gunzip.c — gunzip.h beside zlib: whatever the bytes, both refuse them, or both make the same
 * of them. The first byte is how much input a call gets and how much room. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "../core/gunzip.h"

#define OUTPUT_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

static unsigned char expected[OUTPUT_MAX];
static unsigned char produced[GUNZIP_HISTORY + OUTPUT_MAX];

/* The size of the first member's contents; -1: refused, -2: too large. */
static long by_zlib(const uint8_t *data, size_t size) {
  z_stream stream = {.next_in = (unsigned char *) data, .avail_in = (uInt) size};
  long result = -1;

  stream.next_out = expected;
  stream.avail_out = OUTPUT_MAX;
  assert(inflateInit2(&stream, 16 + MAX_WBITS) == Z_OK);
  const int r = inflate(&stream, Z_FINISH);
  if (r == Z_STREAM_END)
    result = (long) stream.total_out;
  else if (stream.avail_out == 0)
    result = -2;
  (void) inflateEnd(&stream);
  return result;
}

/* Input in pieces, each in memory of its own with nothing but the slack behind it. */
static long by_ours(const uint8_t *data, size_t size, size_t piece, size_t room) {
  unsigned char *input = malloc(size + GUNZIP_SLACK);
  struct gunzip *gunzip = NULL;
  struct failure why = {0};
  size_t given = piece < size ? piece : size;
  struct gunzip_io io;
  size_t used = 0;
  size_t at = 0;
  int r;

  assert(input != NULL && gunzip_open(&gunzip, &why) == 0);
  do {
    memcpy(input, data + used, given - used);
    memset(input + given - used, 0xaa, GUNZIP_SLACK);
    const size_t left = OUTPUT_MAX - at;
    io = (struct gunzip_io){input, input + given - used, produced + GUNZIP_HISTORY + at,
                            produced + GUNZIP_HISTORY + at + (left < room ? left : room),
                            given == size};
    r = gunzip_run(gunzip, &io, &why);
    used += (size_t) (io.in - input);
    at = (size_t) (io.out - produced) - GUNZIP_HISTORY;
    if (r == GUNZIP_INPUT)
      given = size - given < piece ? size : given + piece;
  } while (r == GUNZIP_INPUT || (r == GUNZIP_ROOM && OUTPUT_MAX - at >= GUNZIP_ROOM_MIN));
  gunzip_close(gunzip);
  free(input);
  return r < 0 ? -1 : r == GUNZIP_ROOM ? -2 : (long) at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0)
    return 0;
  const size_t piece = GUNZIP_INPUT_MIN + (data[0] & 15) * 97u;
  const size_t room = GUNZIP_ROOM_MIN + (data[0] >> 4) * 1021u;
  const long wanted = by_zlib(data + 1, size - 1);
  const long got = by_ours(data + 1, size - 1, piece, room);

  /* Near the limit the one may see the end of the room, the other a fault. */
  if (wanted == -2 || got == -2)
    return 0;
  assert(wanted == got);
  assert(wanted < 0 || memcmp(expected, produced + GUNZIP_HISTORY, (size_t) wanted) == 0);
  return 0;
}

/* Mutated contents packed anew, in the ways zlib has; else mutated as they are. */
static size_t pack(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
  z_stream stream = {0};
  uint8_t *plain = malloc(size + 1);
  size_t packed = 0;

  assert(plain != NULL);
  memcpy(plain, data + 1, size - 1);
  if (deflateInit2(&stream, (int) (seed % 10), Z_DEFLATED, 16 + 9 + (int) (seed / 10 % 7),
                   1 + (int) (seed / 70 % 9), (int) (seed / 630 % 5)) == Z_OK) {
    stream.next_in = plain;
    stream.avail_in = (uInt) (size - 1);
    stream.next_out = data + 1;
    stream.avail_out = (uInt) (max_size - 1);
    if (deflate(&stream, Z_FINISH) == Z_STREAM_END)
      packed = stream.total_out + 1;
    (void) deflateEnd(&stream);
  }
  if (packed == 0)
    memcpy(data + 1, plain, size - 1);
  free(plain);
  return packed;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
  if (seed % 4 == 0 && size > 1 && by_zlib(data + 1, size - 1) < 0) {
    const size_t packed = pack(data, size, max_size, seed / 4);
    if (packed > 0)
      return packed;
  }
  return LLVMFuzzerMutate(data, size, max_size);
}
