/* The loop that all time is spent in: symbols of one block into bytes. It checks for room only once
 * in each turn, and writes and reads beyond what is needed within the margins of gunzip.h. */
#include <errno.h>
#include <string.h>

#include "gunzip_parts.h"

/* What a turn reads at most: two words, each fewer than 8 bytes further. */
#define TURN_INPUT 16
/* What a turn writes at most: three literals, the longest match, and a word too much. */
#define TURN_ROOM 288

static inline uint64_t load_word(const unsigned char *from) {
  uint64_t word;

  memcpy(&word, from, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  word = __builtin_bswap64(word);
#endif
  return word;
}

static inline void copy_16(unsigned char *to, const unsigned char *from) {
  unsigned char piece[16];

  memcpy(piece, from, sizeof piece);
  memcpy(to, piece, sizeof piece);
}

static inline void copy_8(unsigned char *to, const unsigned char *from) {
  const uint64_t word = load_word(from);

  memcpy(to, &word, sizeof word);
}

/* What is copied may be what this very copy writes. */
static inline void copy_match(unsigned char *to, size_t distance, size_t length) {
  unsigned char *const end = to + length;
  const unsigned char *from = to - distance;

  if (distance >= 16) {
    do {
      copy_16(to, from);
      to += 16;
      from += 16;
    } while (to < end);
  } else if (distance >= 8) {
    do {
      copy_8(to, from);
      to += 8;
      from += 8;
    } while (to < end);
  } else if (distance == 1) {
    memset(to, *from, length);
  } else {
    do
      *to++ = *from++;
    while (to < end);
  }
}

static inline uint64_t low_bits(uint64_t value, unsigned count) {
  return value & (((uint64_t) 1 << count) - 1);
}

#define REFILL()                                                                                   \
  do {                                                                                             \
    value |= load_word(in) << count;                                                               \
    in += (63 - count) >> 3;                                                                       \
    count |= 56;                                                                                   \
  } while (0)

#define TAKE(bits)                                                                                 \
  do {                                                                                             \
    value >>= (bits) &63;                                                                          \
    count -= (bits) &0xff;                                                                         \
  } while (0)

/* Base and further bits of a length or a distance, whose bits are taken. */
#define TAKE_NUMBER(ret_number, code)                                                              \
  do {                                                                                             \
    const uint64_t taken = low_bits(value, (code) &0x3f);                                          \
    TAKE(code);                                                                                    \
    ret_number = ((code) >> 16) + (size_t) (taken >> ((code) >> 8 & 15));                          \
  } while (0)

#define FURTHER(table, code, bits)                                                                 \
  do {                                                                                             \
    TAKE(bits);                                                                                    \
    code = table[((code) >> 16) + low_bits(value, (code) >> 8 & 15)];                              \
  } while (0)

static inline __attribute__((always_inline)) int decode(struct gunzip_io *io, struct bits *bits,
                                                        const struct gunzip_codes *codes,
                                                        const unsigned char *start,
                                                        struct failure *why) {
  const unsigned char *in = io->in;
  const unsigned char *const in_limit = io->in_end + (io->is_last ? 9 : -TURN_INPUT);
  unsigned char *out = io->out;
  unsigned char *const out_limit = io->out_end - TURN_ROOM;
  uint64_t value = bits->value;
  unsigned count = bits->count;
  const char *fault = NULL;
  int has_ended = 0;

  uint32_t code = 0;
  if (in < in_limit && out < out_limit) {
    REFILL();
    code = codes->literals[low_bits(value, LITERAL_BITS)];
  }
  while (in < in_limit && out < out_limit) {
    size_t length;
    size_t distance;

    if (code & CODE_LITERAL) {
      TAKE(code);
      *out++ = (unsigned char) (code >> 16);
      code = codes->literals[low_bits(value, LITERAL_BITS)];
      if (code & CODE_LITERAL) {
        TAKE(code);
        *out++ = (unsigned char) (code >> 16);
        code = codes->literals[low_bits(value, LITERAL_BITS)];
        if (code & CODE_LITERAL) {
          TAKE(code);
          *out++ = (unsigned char) (code >> 16);
          REFILL();
          code = codes->literals[low_bits(value, LITERAL_BITS)];
          continue;
        }
      }
    }
    /* At least 34 bits are left: a length takes 20. */
    if (code & CODE_SPECIAL) {
      if (code & CODE_FURTHER) {
        FURTHER(codes->literals, code, LITERAL_BITS);
        if (code & CODE_LITERAL) {
          TAKE(code);
          *out++ = (unsigned char) (code >> 16);
          REFILL();
          code = codes->literals[low_bits(value, LITERAL_BITS)];
          continue;
        }
      }
      if (code & CODE_SPECIAL) {
        has_ended = (code & CODE_END) != 0;
        TAKE(code);
        if (!has_ended)
          fault = "invalid literal/length code";
        break;
      }
    }
    TAKE_NUMBER(length, code);
    REFILL();
    code = codes->distances[low_bits(value, DISTANCE_BITS)];
    if (code & CODE_FURTHER)
      FURTHER(codes->distances, code, DISTANCE_BITS);
    if (code & CODE_SPECIAL) {
      fault = "invalid distance code";
      break;
    }
    TAKE_NUMBER(distance, code);
    if (distance > (size_t) (out - start)) {
      fault = "invalid distance too far back";
      break;
    }
    REFILL();
    code = codes->literals[low_bits(value, LITERAL_BITS)];
    copy_match(out, distance, length);
    out += length;
  }

  /* Whole bytes go back, which are not used yet. */
  in -= count >> 3;
  count &= 7;
  bits->value = low_bits(value, count);
  bits->count = count;
  if (in > io->in_end)
    fault = "unexpected end";
  if (fault != NULL)
    return fail(why, EBADMSG, "%s", fault);
  io->in = in;
  io->out = out;
  return has_ended;
}

#ifdef __x86_64__
/* Shifts by a variable without a detour: 6 % less time. */
static __attribute__((target("bmi2"))) int decode_bmi2(struct gunzip_io *io, struct bits *bits,
                                                       const struct gunzip_codes *codes,
                                                       const unsigned char *start,
                                                       struct failure *why) {
  return decode(io, bits, codes, start, why);
}
#endif

int gunzip_block(struct gunzip_io *io, struct bits *bits, const struct gunzip_codes *codes,
                 const unsigned char *start, struct failure *why) {
#ifdef __x86_64__
  if (__builtin_cpu_supports("bmi2"))
    return decode_bmi2(io, bits, codes, start, why);
#endif
  return decode(io, bits, codes, start, why);
}
