#include "gunzip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "gunzip_parts.h"

/* Of the header's flags. */
enum { HEADER_CHECKSUM = 2, HEADER_EXTRA = 4, HEADER_NAME = 8, HEADER_COMMENT = 16 };

enum state {
  STATE_FIXED_HEADER,
  STATE_EXTRA_SIZE,
  STATE_EXTRA,
  STATE_NAME,
  STATE_COMMENT,
  STATE_HEADER_CHECKSUM,
  STATE_BLOCK,
  STATE_STORED,
  STATE_CODES,
  STATE_TRAILER,
};

struct gunzip {
  enum state state;
  unsigned flags;
  uint32_t checksum; /* of the header, then of the contents */
  uint32_t size;     /* of the contents, modulo 2^32 */
  uint32_t history;  /* what there is of them to refer to */
  unsigned left;     /* of the extra field, or of a stored block */
  int is_last_block;
  struct bits bits;
  struct gunzip_codes codes;
};

static int invalid(const char *what, struct failure *why) {
  return fail(why, EBADMSG, "%s", what);
}

static uint32_t checksum(uint32_t so_far, const unsigned char *bytes, size_t size) {
  return (uint32_t) crc32_z(so_far, bytes, size);
}

static unsigned number(const unsigned char *from, int size) {
  unsigned value = 0;

  while (size-- > 0)
    value = value << 8 | from[size];
  return value;
}

/* The next `size` bytes of a header or trailer: NULL at the end of the input, since the caller
 * sees to it that there are more than so many before. */
static const unsigned char *take(struct gunzip_io *io, size_t size) {
  if ((size_t) (io->in_end - io->in) < size)
    return NULL;
  io->in += size;
  return io->in - size;
}

static void begin_member(struct gunzip *gunzip) {
  gunzip->state = STATE_FIXED_HEADER;
  gunzip->checksum = 0;
  gunzip->size = 0;
  gunzip->history = 0;
  gunzip->is_last_block = 0;
  gunzip->bits = (struct bits){0};
}

static int fixed_header(struct gunzip *gunzip, struct gunzip_io *io, struct failure *why) {
  const unsigned char *header = take(io, 10);

  if (header == NULL)
    return invalid("unexpected end", why);
  if (header[0] != 0x1f || header[1] != 0x8b)
    return invalid("incorrect header check", why);
  if (header[2] != 8)
    return invalid("unknown compression method", why);
  if (header[3] & 0xe0)
    return invalid("unknown header flags set", why);
  gunzip->flags = header[3];
  gunzip->checksum = checksum(0, header, 10);
  gunzip->state = STATE_EXTRA_SIZE;
  return 0;
}

static int extra_size(struct gunzip *gunzip, struct gunzip_io *io, struct failure *why) {
  gunzip->left = 0;
  if (gunzip->flags & HEADER_EXTRA) {
    const unsigned char *size = take(io, 2);

    if (size == NULL)
      return invalid("unexpected end", why);
    gunzip->checksum = checksum(gunzip->checksum, size, 2);
    gunzip->left = number(size, 2);
  }
  gunzip->state = STATE_EXTRA;
  return 0;
}

static size_t available(const struct gunzip_io *io) {
  return (size_t) (io->in_end - io->in);
}

static int extra(struct gunzip *gunzip, struct gunzip_io *io, struct failure *why) {
  const size_t n = available(io) < gunzip->left ? available(io) : gunzip->left;

  gunzip->checksum = checksum(gunzip->checksum, io->in, n);
  io->in += n;
  gunzip->left -= (unsigned) n;
  if (gunzip->left == 0)
    gunzip->state = STATE_NAME;
  else if (io->is_last)
    return invalid("unexpected end", why);
  return 0;
}

/* A text up to its NUL, if there is one. */
static int text(struct gunzip *gunzip, struct gunzip_io *io, struct failure *why) {
  const int is_name = gunzip->state == STATE_NAME;
  const unsigned char *nul = io->in;
  size_t n = 0;

  if (gunzip->flags & (is_name ? HEADER_NAME : HEADER_COMMENT)) {
    nul = memchr(io->in, '\0', available(io));
    n = nul == NULL ? available(io) : (size_t) (nul - io->in) + 1;
  }
  gunzip->checksum = checksum(gunzip->checksum, io->in, n);
  io->in += n;
  if (nul != NULL)
    gunzip->state = is_name ? STATE_COMMENT : STATE_HEADER_CHECKSUM;
  else if (io->is_last)
    return invalid("unexpected end", why);
  return 0;
}

static int header_checksum(struct gunzip *gunzip, struct gunzip_io *io, struct failure *why) {
  if (gunzip->flags & HEADER_CHECKSUM) {
    const unsigned char *sum = take(io, 2);

    if (sum == NULL)
      return invalid("unexpected end", why);
    if (number(sum, 2) != (gunzip->checksum & 0xffff))
      return invalid("header crc mismatch", why);
  }
  gunzip->checksum = 0;
  gunzip->state = STATE_BLOCK;
  return 0;
}

/* Bits of a block's header. */
static int take_bits(struct gunzip *gunzip, struct gunzip_io *io, unsigned count,
                     unsigned *ret_value) {
  struct bits *bits = &gunzip->bits;

  while (bits->count < count) {
    if (io->in == io->in_end)
      return -1;
    bits->value |= (uint64_t) *io->in++ << bits->count;
    bits->count += 8;
  }
  *ret_value = (unsigned) bits->value & ((1u << count) - 1);
  bits->value >>= count;
  bits->count -= count;
  return 0;
}

static int stored_header(struct gunzip *gunzip, struct gunzip_io *io, struct failure *why) {
  /* At the next byte; bits hold less than one. */
  gunzip->bits = (struct bits){0};
  const unsigned char *sizes = take(io, 4);
  if (sizes == NULL)
    return invalid("unexpected end", why);
  gunzip->left = number(sizes, 2);
  if (gunzip->left != (number(sizes + 2, 2) ^ 0xffff))
    return invalid("invalid stored block lengths", why);
  gunzip->state = STATE_STORED;
  return 0;
}

static int block(struct gunzip *gunzip, struct gunzip_io *io, struct failure *why) {
  unsigned header;

  if (gunzip->is_last_block) {
    gunzip->bits = (struct bits){0};
    gunzip->state = STATE_TRAILER;
    return 0;
  }
  if (take_bits(gunzip, io, 3, &header) < 0)
    return invalid("unexpected end", why);
  gunzip->is_last_block = header & 1;
  gunzip->state = STATE_CODES;
  switch (header >> 1) {
    case 0: return stored_header(gunzip, io, why);
    case 1: return gunzip_codes_fixed(&gunzip->codes);
    case 2: return gunzip_codes_read(io, &gunzip->bits, &gunzip->codes, why);
    default: return invalid("invalid block type", why);
  }
}

static int stored(struct gunzip *gunzip, struct gunzip_io *io, struct failure *why) {
  const size_t room = (size_t) (io->out_end - io->out);
  size_t n = available(io) < gunzip->left ? available(io) : gunzip->left;

  n = n < room ? n : room;
  memcpy(io->out, io->in, n);
  io->in += n;
  io->out += n;
  gunzip->left -= (unsigned) n;
  if (gunzip->left == 0)
    gunzip->state = STATE_BLOCK;
  else if (io->is_last && available(io) == 0)
    return invalid("unexpected end", why);
  return 0;
}

static int codes(struct gunzip *gunzip, struct gunzip_io *io, const unsigned char *start,
                 struct failure *why) {
  const int r = gunzip_block(io, &gunzip->bits, &gunzip->codes, start, why);

  if (r > 0)
    gunzip->state = STATE_BLOCK;
  return r < 0 ? r : 0;
}

static int trailer(struct gunzip *gunzip, struct gunzip_io *io, struct failure *why) {
  const unsigned char *sums = take(io, 8);

  if (sums == NULL)
    return invalid("unexpected end", why);
  if (number(sums, 4) != gunzip->checksum)
    return invalid("incorrect data check", why);
  if (number(sums + 4, 4) != gunzip->size)
    return invalid("incorrect length check", why);
  begin_member(gunzip);
  return GUNZIP_MEMBER;
}

static int step(struct gunzip *gunzip, struct gunzip_io *io, const unsigned char *start,
                struct failure *why) {
  switch (gunzip->state) {
    case STATE_FIXED_HEADER: return fixed_header(gunzip, io, why);
    case STATE_EXTRA_SIZE: return extra_size(gunzip, io, why);
    case STATE_EXTRA: return extra(gunzip, io, why);
    case STATE_NAME:
    case STATE_COMMENT: return text(gunzip, io, why);
    case STATE_HEADER_CHECKSUM: return header_checksum(gunzip, io, why);
    case STATE_BLOCK: return block(gunzip, io, why);
    case STATE_STORED: return stored(gunzip, io, why);
    case STATE_CODES: return codes(gunzip, io, start, why);
    default: return trailer(gunzip, io, why);
  }
}

/* What was produced since the last time. */
static const unsigned char *account(struct gunzip *gunzip, const unsigned char *from,
                                    const unsigned char *to) {
  const size_t size = (size_t) (to - from);

  gunzip->checksum = checksum(gunzip->checksum, from, size);
  gunzip->size += (uint32_t) size;
  gunzip->history =
      size > GUNZIP_HISTORY - gunzip->history ? GUNZIP_HISTORY : gunzip->history + (uint32_t) size;
  return to;
}

int gunzip_run(struct gunzip *gunzip, struct gunzip_io *io, struct failure *why) {
  const unsigned char *start = io->out - gunzip->history;
  const unsigned char *accounted = io->out;
  int r = 0;

  while (r == 0) {
    if (!io->is_last && available(io) < GUNZIP_INPUT_MIN) {
      r = GUNZIP_INPUT;
      break;
    }
    if ((size_t) (io->out_end - io->out) < GUNZIP_ROOM_MIN) {
      r = GUNZIP_ROOM;
      break;
    }
    if (gunzip->state == STATE_TRAILER)
      accounted = account(gunzip, accounted, io->out);
    r = step(gunzip, io, start, why);
    if (r == GUNZIP_MEMBER)
      return r;
  }
  if (r >= 0)
    (void) account(gunzip, accounted, io->out);
  return r;
}

int gunzip_open(struct gunzip **ret_gunzip, struct failure *why) {
  struct gunzip *gunzip = malloc(sizeof *gunzip);

  if (gunzip == NULL)
    return fail(why, ENOMEM, "read gzip");
  begin_member(gunzip);
  *ret_gunzip = gunzip;
  return 0;
}

void gunzip_close(struct gunzip *gunzip) {
  free(gunzip);
}
