/* test_gunzip.c — gzip in all its forms, in pieces of all lengths: as zlib reads it. */
#include "../core/gunzip.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#include "tap.h"

#define PLAIN_BYTES 150000u
#define ROOM (1u << 18)

static unsigned char plain[PLAIN_BYTES];
static unsigned char packed[2 * PLAIN_BYTES];
static unsigned char memory[GUNZIP_HISTORY + ROOM];

struct settings {
  int level, window, memory, strategy;
};

static size_t pack(const struct settings *settings, size_t size, gz_header *header) {
  z_stream stream = {0};

  (void) deflateInit2(&stream, settings->level, Z_DEFLATED, 16 + settings->window, settings->memory,
                      settings->strategy);
  if (header != NULL)
    (void) deflateSetHeader(&stream, header);
  stream.next_in = plain;
  stream.avail_in = (uInt) size;
  stream.next_out = packed;
  stream.avail_out = sizeof packed;
  (void) deflate(&stream, Z_FINISH);
  (void) deflateEnd(&stream);
  return stream.total_out;
}

/* Each call gets `piece` bytes more, and has `room`: how much there was, or -errno. */
static long unpack(size_t size, size_t piece, size_t room, struct failure *why) {
  struct gunzip *gunzip = NULL;
  unsigned char *output = memory + GUNZIP_HISTORY;
  size_t given = piece < size ? piece : size;
  size_t used = 0;
  size_t at = 0;
  int r;

  (void) gunzip_open(&gunzip, why);
  do {
    unsigned char *input = malloc(given - used + GUNZIP_SLACK);
    memcpy(input, packed + used, given - used);
    memset(input + given - used, 0x55, GUNZIP_SLACK);
    struct gunzip_io io = {input, input + given - used, output + at, output + at + room,
                           given == size};
    r = gunzip_run(gunzip, &io, why);
    used += (size_t) (io.in - input);
    at = (size_t) (io.out - output);
    free(input);
    if (r == GUNZIP_INPUT)
      given = size - given < piece ? size : given + piece;
  } while (r == GUNZIP_INPUT || (r == GUNZIP_ROOM && at + room <= ROOM));
  gunzip_close(gunzip);
  return r < 0 ? r : r == GUNZIP_ROOM ? -ENOSPC : (long) at;
}

static int is_same(size_t packed_size, size_t size, size_t piece, size_t room) {
  struct failure why = {0};

  memset(memory, 0, sizeof memory);
  return unpack(packed_size, piece, room, &why) == (long) size &&
         memcmp(memory + GUNZIP_HISTORY, plain, size) == 0;
}

static void every_setting(void) {
  struct settings settings;
  int good = 1;

  for (settings.level = 0; settings.level <= 9; settings.level += 3)
    for (settings.window = 9; settings.window <= 15; settings.window += 3)
      for (settings.memory = 1; settings.memory <= 9; settings.memory += 4)
        for (settings.strategy = 0; settings.strategy <= 4; settings.strategy++)
          good = good && is_same(pack(&settings, PLAIN_BYTES, NULL), PLAIN_BYTES, 1 << 16, 1 << 15);
  is_int(good, 1, "every level, window and strategy of zlib is read");
}

static void every_length(void) {
  static const struct settings settings = {6, 15, 8, 0};
  int good = 1;

  for (size_t size = 0; size < 700; size++)
    good = good && is_same(pack(&settings, size, NULL), size, 1 << 16, 1 << 15);
  is_int(good, 1, "contents of every small size are read");
  const size_t size = pack(&settings, PLAIN_BYTES, NULL);
  for (size_t piece = 1; piece < 64; piece++)
    good = good && is_same(size, PLAIN_BYTES, piece * 53, GUNZIP_ROOM_MIN + piece * 17);
  is_int(good, 1, "in pieces of any length");
}

static void headers(void) {
  static const struct settings settings = {6, 15, 8, 0};
  static unsigned char extra[5000] = "extra";
  static unsigned char name[] = "layer.tar";
  static unsigned char comment[] = "by hand";
  gz_header header = {.name = name, .comment = comment, .hcrc = 1};
  struct failure why = {0};

  header.extra = extra;
  header.extra_len = sizeof extra;
  const size_t size = pack(&settings, PLAIN_BYTES, &header);
  is_int(is_same(size, PLAIN_BYTES, 1024, 4096), 1, "a header may say everything");
  packed[30] ^= 1;
  is_int((int) unpack(size, size, ROOM, &why), -EBADMSG, "its checksum is looked at");
  is_text(why.what, "header crc mismatch", "…and named");
  packed[30] ^= 1;
  packed[3] |= 0x40;
  is_int((int) unpack(size, size, ROOM, &why), -EBADMSG, "flags of the future are refused");
}

static void every_end(void) {
  static const struct settings settings = {6, 15, 8, 0};
  const size_t size = pack(&settings, 3000, NULL);
  struct failure why = {0};
  int good = 1;

  for (size_t end = 0; end < size; end++)
    good = good && unpack(end, ROOM, ROOM, &why) == -EBADMSG &&
           strcmp(why.what, "unexpected end") == 0;
  is_int(good, 1, "wherever it is cut, the end is unexpected");
}

static void is_refused(const char *bytes, size_t size, const char *what) {
  struct failure why = {0};

  memcpy(packed, "\x1f\x8b\x08\0\0\0\0\0\0\3", 10);
  memcpy(packed + 10, bytes, size);
  memset(packed + 10 + size, 0, 64);
  is_int((int) unpack(10 + size + 64, ROOM, ROOM, &why), -EBADMSG, what);
  is_text(why.what, what, "…in these words");
}

static void faults(void) {
  is_refused("\x07", 1, "invalid block type");
  is_refused("\x01\x01\x00\x01\x00", 5, "invalid stored block lengths");
  is_refused("\x03\x02", 2, "invalid distance too far back");
  is_refused("\xfd\x00\x00\x00", 4, "too many length or distance symbols");
  is_refused("\x05\xe0\x03\x00\x00\x00\x00\x00\x00\x10\x00\x00", 12, "invalid code lengths set");
  is_refused("\x03\x00\x01", 3, "incorrect data check");
  is_refused("\x03\x00\x00\x00\x00\x00\x01", 7, "incorrect length check");
}

int main(void) {
  unsigned seed = 1;

  for (size_t i = 0; i < PLAIN_BYTES; i++) {
    seed = seed * 1103515245u + 12345u;
    plain[i] = (unsigned char) (seed >> 16 & (i % 3 == 0 ? 0xff : 0x3));
    if (i > 40000 && seed >> 24 < 40)
      for (unsigned n = seed >> 10 & 511, back = 1 + (seed >> 3 & 32767); n > 0 && i < PLAIN_BYTES;
           n--, i++)
        plain[i] = plain[i - back];
  }
  every_setting();
  every_length();
  headers();
  every_end();
  faults();
  return done_testing();
}
