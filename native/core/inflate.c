#include "inflate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "fd.h"

#define GZIP_WINDOW (16 + MAX_WBITS) /* with header and checksums */

enum { SNIFF_BYTES = 10 };

struct inflate {
  const struct format *format;
  int fd;
  int copy_fd;
  struct follow *follow; /* NULL: the file is whole */
  int at_end;            /* of the input */
  int is_padding;        /* nothing but zeros from here on */
  int is_between;        /* after a member or frame */
  int is_full;           /* the decoder may hold more output, without more input */
  unsigned char *input;
  size_t input_size;
  size_t input_used;
  unsigned char *output;
  z_stream gzip;
  ZSTD_DStream *zstd;
  int is_hashed; /* what comes in, and goes out of inflate_next() */
  struct hash in;
  struct hash out;
  uint64_t size;
  uint64_t diff_size;
};

/* The next bytes to `to`: their number, which may be 0 before the end, too. */
typedef int decoder(struct inflate *reader, unsigned char *to, struct failure *why);

static decoder decode_gzip;
static decoder decode_zstd;

static const struct format {
  const char *name;
  const char *magic;
  size_t magic_size;
  decoder *decode;
  int is_refused;
} formats[] = {
    {"gzip", "\x1f\x8b\x08", 3, decode_gzip, 0},
    {"zstd", "\x28\xb5\x2f\xfd", 4, decode_zstd, 0},
    {"xz",
     "\xfd"
     "7zXZ",
     6, NULL, 1}, /* its NUL counts */
    {"bzip2", "BZh", 3, NULL, 1},
    {"lzip", "LZIP\x01", 5, NULL, 1},
    {"lz4", "\x04\x22\x4d\x18", 4, NULL, 1},
    {"lzma", "\x5d\0\0", 3, NULL, 1},
    {"compress", "\x1f\x9d", 2, NULL, 1},
    {"none", "", 0, NULL, 0},
};

static int has_magic(const struct format *format, const unsigned char *bytes, size_t size) {
  if (size < format->magic_size || memcmp(bytes, format->magic, format->magic_size) != 0)
    return 0;
  /* "BZh" alone may begin the name of a file in a plain tar. */
  return strcmp(format->name, "bzip2") != 0 || (size >= 10 && memcmp(bytes + 4, "1AY&SY", 6) == 0);
}

/* zstd:chunked and pzstd put frames of their own first. */
static int is_skippable_frame(const unsigned char *bytes, size_t size) {
  return size >= 4 && (bytes[0] & 0xf0) == 0x50 && memcmp(bytes + 1, "\x2a\x4d\x18", 3) == 0;
}

static const struct format *sniff(const unsigned char *bytes, size_t size) {
  const struct format *format = formats;

  if (is_skippable_frame(bytes, size))
    return &formats[1];
  while (!has_magic(format, bytes, size))
    format++;
  return format;
}

static ssize_t read_input(struct inflate *reader, unsigned char *to, size_t room,
                          struct failure *why) {
  ssize_t n;

  if (reader->follow != NULL)
    return follow_read(reader->follow, reader->fd, to, room, why);
  do
    n = read(reader->fd, to, room);
  while (n < 0 && errno == EINTR);
  return n < 0 ? fail(why, errno, "read blob") : n;
}

/* More input behind what is there. */
static int fill(struct inflate *reader, struct failure *why) {
  unsigned char *to = reader->input + reader->input_size;

  const ssize_t n = read_input(reader, to, INFLATE_PIECE_MAX - reader->input_size, why);
  if (n < 0)
    return (int) n;
  reader->at_end = n == 0;
  if (reader->is_hashed)
    hash_update(&reader->in, to, (size_t) n);
  reader->size += (uint64_t) n;
  reader->input_size += (size_t) n;
  return reader->copy_fd < 0 ? 0 : fd_write_all(reader->copy_fd, to, (size_t) n, why);
}

static int refill(struct inflate *reader, struct failure *why) {
  reader->input_size = reader->input_used = 0;
  return fill(reader, why);
}

static int is_drained(const struct inflate *reader) {
  return reader->input_used == reader->input_size;
}

static int fail_format(const struct inflate *reader, const char *what, struct failure *why) {
  return fail(why, EBADMSG, "read %s at byte %llu: %s", reader->format->name,
              (unsigned long long) (reader->size - reader->input_size + reader->input_used), what);
}

static int decode_gzip(struct inflate *reader, unsigned char *to, struct failure *why) {
  z_stream *stream = &reader->gzip;

  stream->next_in = reader->input + reader->input_used;
  stream->avail_in = (uInt) (reader->input_size - reader->input_used);
  stream->next_out = to;
  stream->avail_out = INFLATE_PIECE_MAX;
  const int r = inflate(stream, Z_NO_FLUSH);
  const int n = (int) (INFLATE_PIECE_MAX - stream->avail_out);
  reader->input_used = reader->input_size - stream->avail_in;
  reader->is_between = r == Z_STREAM_END;
  /* Not at the end of a member: that has given all it had. */
  reader->is_full = stream->avail_out == 0 && !reader->is_between;

  if (r == Z_STREAM_END)
    return inflateReset(stream) == Z_OK ? n : fail(why, ENOMEM, "read gzip");
  if (r == Z_OK || r == Z_BUF_ERROR)
    return n;
  if (r == Z_MEM_ERROR)
    return fail(why, ENOMEM, "read gzip");
  return fail_format(reader, stream->msg != NULL ? stream->msg : "invalid data", why);
}

static int decode_zstd(struct inflate *reader, unsigned char *to, struct failure *why) {
  ZSTD_inBuffer in = {reader->input, reader->input_size, reader->input_used};
  ZSTD_outBuffer out = {to, INFLATE_PIECE_MAX, 0};

  const size_t r = ZSTD_decompressStream(reader->zstd, &out, &in);
  reader->input_used = in.pos;
  if (ZSTD_isError(r))
    return fail_format(reader, ZSTD_getErrorName(r), why);
  reader->is_between = r == 0;
  /* Not at the end of a frame: that has given all it had. */
  reader->is_full = out.pos == INFLATE_PIECE_MAX && !reader->is_between;
  return (int) out.pos;
}

static int check_padding(const struct inflate *reader, struct failure *why) {
  for (size_t i = reader->input_used; i < reader->input_size; i++)
    if (reader->input[i] != 0)
      return fail_format(reader, "garbage after its end", why);
  return 0;
}

/* 1: there is something to decode, 0: the end. */
static int has_input(struct inflate *reader, struct failure *why) {
  if (reader->is_full)
    return 1;
  for (;;) {
    if (is_drained(reader) && !reader->at_end) {
      const int r = refill(reader, why);

      if (r < 0)
        return r;
    }
    if (is_drained(reader) && !reader->is_between)
      return fail_format(reader, "unexpected end", why);
    if (is_drained(reader))
      return 0;
    if (reader->is_between && reader->input[reader->input_used] == 0)
      reader->is_padding = 1;
    if (!reader->is_padding)
      return 1;
    if (check_padding(reader, why) < 0)
      return -why->errnum;
    reader->input_used = reader->input_size;
  }
}

static int decode(struct inflate *reader, unsigned char *to, struct failure *why) {
  int n = 0;

  while (n == 0) {
    const int r = has_input(reader, why);

    if (r <= 0)
      return r;
    n = reader->format->decode(reader, to, why);
  }
  reader->diff_size += n > 0 ? (uint64_t) n : 0;
  return n;
}

static int next_plain(struct inflate *reader, const unsigned char **ret_bytes,
                      struct failure *why) {
  if (is_drained(reader) && !reader->at_end) {
    const int r = refill(reader, why);

    if (r < 0)
      return r;
  }
  const size_t n = reader->input_size - reader->input_used;
  *ret_bytes = reader->input + reader->input_used;
  reader->input_used = reader->input_size;
  reader->diff_size += n;
  return (int) n;
}

static int next_decoded(struct inflate *reader, const unsigned char **ret_bytes,
                        struct failure *why) {
  const int n = decode(reader, reader->output, why);

  if (n < 0)
    return n;
  if (reader->is_hashed)
    hash_update(&reader->out, reader->output, (size_t) n);
  *ret_bytes = reader->output;
  return n;
}

const char *inflate_compression(const struct inflate *reader) {
  return reader->format->name;
}

uint64_t inflate_size(const struct inflate *reader) {
  return reader->size;
}

void inflate_without_digests(struct inflate *reader) {
  reader->is_hashed = 0;
}

int inflate_next(struct inflate *reader, const unsigned char **ret_bytes, struct failure *why) {
  return reader->format->decode == NULL ? next_plain(reader, ret_bytes, why)
                                        : next_decoded(reader, ret_bytes, why);
}

int inflate_into(struct inflate *reader, unsigned char *to, struct failure *why) {
  const unsigned char *bytes;

  if (reader->format->decode != NULL)
    return decode(reader, to, why);
  reader->is_hashed = 0;
  const int n = next_plain(reader, &bytes, why);
  if (n > 0)
    memcpy(to, bytes, (size_t) n);
  return n;
}

int inflate_finish(struct inflate *reader, struct inflate_summary *ret_summary,
                   struct failure *why) {
  const unsigned char *bytes;
  int n;

  do
    n = inflate_next(reader, &bytes, why);
  while (n > 0);
  if (n < 0)
    return n;
  if (reader->format->decode == NULL)
    reader->out = reader->in;
  ret_summary->compression = reader->format->name;
  ret_summary->size = reader->size;
  ret_summary->diff_size = reader->diff_size;
  hash_text(&reader->in, ret_summary->digest);
  hash_text(&reader->out, ret_summary->diff_id);
  return 0;
}

static int begin(struct inflate *reader, struct failure *why) {
  while (reader->input_size < SNIFF_BYTES && !reader->at_end) {
    const int r = fill(reader, why);

    if (r < 0)
      return r;
  }
  reader->format = sniff(reader->input, reader->input_size);
  if (reader->format->is_refused)
    return fail(why, EOPNOTSUPP, "read blob compressed with %s", reader->format->name);
  if (reader->format->decode == NULL)
    return 0;

  reader->output = malloc(INFLATE_PIECE_MAX);
  if (reader->format->decode == decode_zstd)
    reader->zstd = ZSTD_createDStream();
  const int is_ready = reader->format->decode == decode_zstd
                           ? reader->zstd != NULL
                           : inflateInit2(&reader->gzip, GZIP_WINDOW) == Z_OK;
  return reader->output != NULL && is_ready ? 0 : fail(why, ENOMEM, "read blob");
}

static int open_reader(const struct inflate *from, struct inflate **ret_inflate,
                       struct failure *why) {
  struct inflate *reader = malloc(sizeof *reader);

  if (reader == NULL)
    return fail(why, ENOMEM, "read blob");
  *reader = *from;
  reader->is_hashed = 1;
  reader->input = malloc(INFLATE_PIECE_MAX);
  hash_begin(&reader->in);
  hash_begin(&reader->out);
  const int r = reader->input == NULL ? fail(why, ENOMEM, "read blob") : begin(reader, why);
  if (r < 0)
    inflate_close(reader);
  else
    *ret_inflate = reader;
  return r;
}

int inflate_open(int fd, int copy_fd, struct inflate **ret_inflate, struct failure *why) {
  return open_reader(&(struct inflate){.fd = fd, .copy_fd = copy_fd}, ret_inflate, why);
}

int inflate_open_growing(int fd, struct follow *follow, struct inflate **ret_inflate,
                         struct failure *why) {
  return open_reader(&(struct inflate){.fd = fd, .copy_fd = -1, .follow = follow}, ret_inflate,
                     why);
}

void inflate_close(struct inflate *reader) {
  if (reader == NULL)
    return;
  (void) inflateEnd(&reader->gzip);
  (void) ZSTD_freeDStream(reader->zstd);
  free(reader->input);
  free(reader->output);
  free(reader);
}
