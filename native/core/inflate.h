/* inflate.h — the bytes of a blob, unpacked: gzip, zstd or plain, told by its first bytes.
 *
 * Both sides are hashed and counted on the way: what came in is the blob, what comes out is
 * what its diff id names. Members of gzip and frames of zstd may follow one another. After
 * the last one only zero bytes may follow (tapes are padded; GNU gzip takes them, too);
 * anything else, a wrong checksum or an early end is EBADMSG. Other compressions are refused
 * by name with EOPNOTSUPP. Input that is empty is plain and empty. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "failure.h"
#include "follow.h"
#include "hash.h"

#define INFLATE_PIECE_MAX (256u << 10)

struct inflate;

struct inflate_summary {
  const char *compression;     /* "none", "gzip" or "zstd" */
  char digest[HASH_TEXT_SIZE]; /* of what came in */
  char diff_id[HASH_TEXT_SIZE];
  uint64_t size;
  uint64_t diff_size;
};

/* Reads `fd`, which stays the caller's. With `copy_fd` >= 0 every byte that came in is
 * written there, too. */
int inflate_open(int fd, int copy_fd, struct inflate **ret_inflate, struct failure *why);

/* The same of a file that still grows; `follow` stays the caller's, too. */
int inflate_open_growing(int fd, struct follow *follow, struct inflate **ret_inflate,
                         struct failure *why);

/* How many bytes came in so far. */
uint64_t inflate_size(const struct inflate *reader);

/* Right after it was opened: nothing is hashed, and the digests of the summary are of no use. */
void inflate_without_digests(struct inflate *reader);

/* "none", "gzip" or "zstd". */
const char *inflate_compression(const struct inflate *reader);

/* The next bytes, INFLATE_PIECE_MAX of them at most, valid until the next call: their number, 0
 * at the end. */
int inflate_next(struct inflate *reader, const unsigned char **ret_bytes, struct failure *why);

/* The same, to `to`, where there is room for INFLATE_PIECE_MAX bytes. Nothing of it is hashed:
 * `diff_id` of the summary is then the caller's to fill in, and of what is not compressed `digest`,
 * too. All calls for a reader are of one kind. */
int inflate_into(struct inflate *reader, unsigned char *to, struct failure *why);

/* Reads what is left, and tells what the whole was. */
int inflate_finish(struct inflate *reader, struct inflate_summary *ret_summary,
                   struct failure *why);

void inflate_close(struct inflate *reader);
