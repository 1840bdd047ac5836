/* Huffman codes of deflate, and the block headers that describe them (RFC 1951, 3.2). */
#include <errno.h>
#include <string.h>

#include "gunzip_parts.h"

#define LENGTH_MAX 15u
#define LENGTH_SYMBOLS 19
#define LENGTH_BITS 7
#define LITERALS_MAX 286u
#define DISTANCES_MAX 30u

#define LITERAL(byte) (CODE_LITERAL | (uint32_t) (byte) << 16)
#define BASE(base, extra) ((uint32_t) (base) << 16 | (extra))

/* Of the symbols from 256 on. */
static const uint32_t length_codes[] = {
    CODE_SPECIAL | CODE_END,
    BASE(3, 0),
    BASE(4, 0),
    BASE(5, 0),
    BASE(6, 0),
    BASE(7, 0),
    BASE(8, 0),
    BASE(9, 0),
    BASE(10, 0),
    BASE(11, 1),
    BASE(13, 1),
    BASE(15, 1),
    BASE(17, 1),
    BASE(19, 2),
    BASE(23, 2),
    BASE(27, 2),
    BASE(31, 2),
    BASE(35, 3),
    BASE(43, 3),
    BASE(51, 3),
    BASE(59, 3),
    BASE(67, 4),
    BASE(83, 4),
    BASE(99, 4),
    BASE(115, 4),
    BASE(131, 5),
    BASE(163, 5),
    BASE(195, 5),
    BASE(227, 5),
    BASE(258, 0),
    CODE_SPECIAL,
    CODE_SPECIAL,
};

static const uint32_t distance_codes[DISTANCE_SYMBOLS] = {
    BASE(1, 0),     BASE(2, 0),     BASE(3, 0),      BASE(4, 0),      BASE(5, 1),
    BASE(7, 1),     BASE(9, 2),     BASE(13, 2),     BASE(17, 3),     BASE(25, 3),
    BASE(33, 4),    BASE(49, 4),    BASE(65, 5),     BASE(97, 5),     BASE(129, 6),
    BASE(193, 6),   BASE(257, 7),   BASE(385, 7),    BASE(513, 8),    BASE(769, 8),
    BASE(1025, 9),  BASE(1537, 9),  BASE(2049, 10),  BASE(3073, 10),  BASE(4097, 11),
    BASE(6145, 11), BASE(8193, 12), BASE(12289, 12), BASE(16385, 13), BASE(24577, 13),
    CODE_SPECIAL,   CODE_SPECIAL,
};

/* Symbols in the order of their codes, and how many there are of each length. */
struct sorted {
  unsigned counts[LENGTH_MAX + 1];
  uint16_t symbols[LITERAL_SYMBOLS];
  unsigned longest;
};

/* As zlib: a code is complete; that of literals or of distances may also be one single bit, or no
 * symbol at all, which shows when it is used. */
static int sort(const struct huffman *huffman, struct sorted *sorted) {
  unsigned offsets[LENGTH_MAX + 2] = {0};
  int left = 1;

  memset(sorted->counts, 0, sizeof sorted->counts);
  for (unsigned i = 0; i < huffman->count; i++)
    sorted->counts[huffman->lengths[i]]++;
  sorted->counts[0] = 0;
  sorted->longest = 0;
  for (unsigned length = 1; length <= LENGTH_MAX; length++) {
    left = left * 2 - (int) sorted->counts[length];
    if (left < 0)
      return -1;
    if (sorted->counts[length] > 0)
      sorted->longest = length;
    offsets[length + 1] = offsets[length] + sorted->counts[length];
  }
  if (left > 0 && (sorted->longest > 1 || huffman->is_complete))
    return -1;
  for (unsigned i = 0; i < huffman->count; i++)
    if (huffman->lengths[i] != 0)
      sorted->symbols[offsets[huffman->lengths[i]]++] = (uint16_t) i;
  return 0;
}

/* The next code of that length: codes count from their first bit, which is our lowest. */
static unsigned next_code(unsigned code, unsigned length) {
  unsigned bit = 1u << (length - 1);

  while (code & bit)
    bit >>= 1;
  return bit == 0 ? 0 : (code & (bit - 1)) + bit;
}

/* `length` of the bits to take are the code's own. */
static uint32_t number_of(const struct huffman *huffman, unsigned symbol, unsigned length) {
  return huffman->codes[symbol] + (length << 8) + length;
}

/* How many bits the table needs for all codes that begin as this one does. */
static unsigned further_bits(const struct huffman *huffman, const struct sorted *sorted,
                             unsigned length, unsigned used) {
  unsigned bits = length - huffman->bits;
  int left = (1 << bits) - (int) (sorted->counts[length] - used);

  while (left > 0 && bits + huffman->bits < sorted->longest) {
    bits++;
    left = left * 2 - (int) sorted->counts[bits + huffman->bits];
  }
  return bits;
}

/* Codes longer than the first table's bits, from `code` of the symbol `at` on. */
static int build_further(const struct huffman *huffman, const struct sorted *sorted, unsigned code,
                         unsigned at) {
  const unsigned mask = (1u << huffman->bits) - 1;
  unsigned prefix = ~0u;
  unsigned start = 0;
  unsigned end = 1u << huffman->bits;
  unsigned bits = 0;

  for (unsigned length = huffman->bits + 1; length <= sorted->longest; length++) {
    for (unsigned used = 0; used < sorted->counts[length]; used++) {
      if ((code & mask) != prefix) {
        prefix = code & mask;
        start = end;
        bits = further_bits(huffman, sorted, length, used);
        end += 1u << bits;
        if (end > huffman->room)
          return -1;
        huffman->table[prefix] =
            CODE_SPECIAL | CODE_FURTHER | start << 16 | bits << 8 | huffman->bits;
      }
      const unsigned rest = length - huffman->bits;
      const uint32_t number = number_of(huffman, sorted->symbols[at++], rest);
      for (unsigned i = code >> huffman->bits; i < 1u << bits; i += 1u << rest)
        huffman->table[start + i] = number;
      code = next_code(code, length);
    }
    /* One bit more, which is zero: the code's value stays. */
  }
  return 0;
}

int huffman_build(const struct huffman *huffman) {
  struct sorted sorted;
  unsigned code = 0;
  unsigned at = 0;

  if (sort(huffman, &sorted) < 0)
    return -1;
  /* The table for codes of one bit, then of two…: each is the one before, twice. */
  huffman->table[0] = huffman->table[1] = CODE_SPECIAL;
  for (unsigned length = 1; length <= huffman->bits; length++) {
    const size_t half = (size_t) 1 << (length - 1);

    if (length > 1)
      memcpy(huffman->table + half, huffman->table, half * sizeof *huffman->table);
    for (unsigned used = 0; used < sorted.counts[length]; used++) {
      huffman->table[code] = number_of(huffman, sorted.symbols[at++], length);
      code = next_code(code, length);
    }
  }
  return sorted.longest > huffman->bits ? build_further(huffman, &sorted, code, at) : 0;
}

static int build_both(const uint8_t *literals, unsigned literal_count, const uint8_t *distances,
                      unsigned distance_count, struct gunzip_codes *codes) {
  uint32_t meanings[LITERAL_SYMBOLS];

  for (unsigned i = 0; i < 256; i++)
    meanings[i] = LITERAL(i);
  memcpy(meanings + 256, length_codes, sizeof length_codes);
  const struct huffman literal = {literals,        literal_count, meanings, LITERAL_BITS,
                                  codes->literals, LITERAL_ROOM,  0};
  const struct huffman distance = {
      distances, distance_count, distance_codes, DISTANCE_BITS, codes->distances, DISTANCE_ROOM, 0};

  return huffman_build(&literal) < 0 ? -1 : huffman_build(&distance) < 0 ? -2 : 0;
}

int gunzip_codes_fixed(struct gunzip_codes *ret_codes) {
  uint8_t literals[LITERAL_SYMBOLS];
  uint8_t distances[DISTANCE_SYMBOLS];

  memset(literals, 8, 144);
  memset(literals + 144, 9, 112);
  memset(literals + 256, 7, 24);
  memset(literals + 280, 8, 8);
  memset(distances, 5, sizeof distances);
  return build_both(literals, LITERAL_SYMBOLS, distances, DISTANCE_SYMBOLS, ret_codes);
}

static int take(struct gunzip_io *io, struct bits *bits, unsigned count, unsigned *ret_value) {
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

/* A symbol of the code of lengths: -1 at the end of the input, -2 for none. */
static int take_length(struct gunzip_io *io, struct bits *bits, const uint32_t *table) {
  unsigned ignored;

  while (bits->count < LENGTH_BITS && io->in < io->in_end) {
    bits->value |= (uint64_t) *io->in++ << bits->count;
    bits->count += 8;
  }
  const uint32_t number = table[bits->value & ((1u << LENGTH_BITS) - 1)];
  if (number & CODE_SPECIAL)
    return bits->count < LENGTH_BITS ? -1 : -2;
  return take(io, bits, number & 0xff, &ignored) < 0 ? -1 : (int) (number >> 16);
}

/* The lengths of `total` codes, in the run-length form of a block's header. */
static const char *read_lengths(struct gunzip_io *io, struct bits *bits, const uint32_t *table,
                                uint8_t *lengths, unsigned total) {
  static const struct { unsigned bits, least; } runs[] = {{2, 3}, {3, 3}, {7, 11}};

  for (unsigned at = 0; at < total;) {
    unsigned repeat = 0;
    const int symbol = take_length(io, bits, table);

    if (symbol < 0)
      return symbol == -1 ? "unexpected end" : "invalid code lengths set";
    if (symbol < 16) {
      lengths[at++] = (uint8_t) symbol;
      continue;
    }
    if (take(io, bits, runs[symbol - 16].bits, &repeat) < 0)
      return "unexpected end";
    repeat += runs[symbol - 16].least;
    if ((symbol == 16 && at == 0) || at + repeat > total)
      return "invalid bit length repeat";
    memset(lengths + at, symbol == 16 ? lengths[at - 1] : 0, repeat);
    at += repeat;
  }
  return NULL;
}

static const char *read_header(struct gunzip_io *io, struct bits *bits,
                               struct gunzip_codes *ret_codes) {
  static const uint8_t order[LENGTH_SYMBOLS] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                11, 4,  12, 3, 13, 2, 14, 1, 15};
  static const uint32_t meanings[LENGTH_SYMBOLS] = {
      0u << 16,  1u << 16,  2u << 16,  3u << 16,  4u << 16,  5u << 16,  6u << 16,
      7u << 16,  8u << 16,  9u << 16,  10u << 16, 11u << 16, 12u << 16, 13u << 16,
      14u << 16, 15u << 16, 16u << 16, 17u << 16, 18u << 16};
  uint8_t lengths[LITERALS_MAX + DISTANCES_MAX] = {0};
  uint8_t length_lengths[LENGTH_SYMBOLS] = {0};
  uint32_t table[1 << LENGTH_BITS];
  unsigned literals;
  unsigned distances;
  unsigned count;

  if (take(io, bits, 5, &literals) < 0 || take(io, bits, 5, &distances) < 0 ||
      take(io, bits, 4, &count) < 0)
    return "unexpected end";
  literals += 257;
  distances += 1;
  if (literals > LITERALS_MAX || distances > DISTANCES_MAX)
    return "too many length or distance symbols";
  for (unsigned i = 0; i < count + 4; i++) {
    unsigned length;
    if (take(io, bits, 3, &length) < 0)
      return "unexpected end";
    length_lengths[order[i]] = (uint8_t) length;
  }
  const struct huffman huffman = {length_lengths, LENGTH_SYMBOLS,   meanings, LENGTH_BITS,
                                  table,          1 << LENGTH_BITS, 1};
  if (huffman_build(&huffman) < 0)
    return "invalid code lengths set";
  const char *fault = read_lengths(io, bits, table, lengths, literals + distances);
  if (fault != NULL)
    return fault;
  if (lengths[256] == 0)
    return "invalid code -- missing end-of-block";
  switch (build_both(lengths, literals, lengths + literals, distances, ret_codes)) {
    case 0: return NULL;
    case -1: return "invalid literal/lengths set";
    default: return "invalid distances set";
  }
}

int gunzip_codes_read(struct gunzip_io *io, struct bits *bits, struct gunzip_codes *ret_codes,
                      struct failure *why) {
  const char *fault = read_header(io, bits, ret_codes);

  return fault == NULL ? 0 : fail(why, EBADMSG, "%s", fault);
}
