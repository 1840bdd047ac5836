/* gunzip_parts.h — what the files of gunzip.h share. Nobody else includes it.
 *
 * Theory of operation. A code's table is looked up with the next bits of the input, least
 * significant first, and says by one number what they are:
 *
 *   31         CODE_LITERAL: a byte
 *   30 … 16    the byte; or the least length or distance; or where a further table begins
 *   15         CODE_SPECIAL: CODE_FURTHER, CODE_END or, with neither, no code
 *   11 …  8    bits of the code itself, or what indexes the further table
 *    7 …  0    bits to take: those of the code, and further ones that add to length or distance
 *
 * Codes longer than the table's bits go on in further tables, whose numbers count only the bits
 * behind the first ones. */
#pragma once

#include <stdint.h>

#include "gunzip.h"

#define LITERAL_BITS 11
#define DISTANCE_BITS 8
#define LITERAL_SYMBOLS 288
#define DISTANCE_SYMBOLS 32
/* Most numbers that complete codes of so many symbols and 15 bits can take (zlib's enough.c):
 * 2342 and 402. huffman_build() refuses to go beyond. */
#define LITERAL_ROOM 2400
#define DISTANCE_ROOM 448

#define CODE_LITERAL (1u << 31)
#define CODE_SPECIAL (1u << 15)
#define CODE_FURTHER (1u << 14)
#define CODE_END (1u << 13)

struct gunzip_codes {
  uint32_t literals[LITERAL_ROOM];
  uint32_t distances[DISTANCE_ROOM];
};

struct huffman {
  const uint8_t *lengths; /* of each symbol's code, 0: has none */
  unsigned count;         /* of symbols */
  const uint32_t *codes;  /* what each symbol means, without any length */
  unsigned bits;          /* that the first table is looked up with */
  uint32_t *table;
  unsigned room;
  int is_complete; /* or it is none */
};

/* 0, or -1 for lengths that are those of no code. */
int huffman_build(const struct huffman *huffman);

/* Bits of the input that are not used yet, the next one lowest. */
struct bits {
  uint64_t value;
  unsigned count;
};

/* The two codes of a block, from its header: 0, or what is wrong with it. */
int gunzip_codes_fixed(struct gunzip_codes *ret_codes);
int gunzip_codes_read(struct gunzip_io *io, struct bits *bits, struct gunzip_codes *ret_codes,
                      struct failure *why);

/* Decode until the block ends (1), or input or room run low (0). No byte before `start` may be
 * referred to. */
int gunzip_block(struct gunzip_io *io, struct bits *bits, const struct gunzip_codes *codes,
                 const unsigned char *start, struct failure *why);
