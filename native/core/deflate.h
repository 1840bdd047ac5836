/* deflate.h — a stream of bytes becomes a blob in a file: gzip, zstd or as it is.
 *
 * The stream is cut into blocks of DEFLATE_BLOCK bytes, and each becomes a gzip member or a zstd
 * frame of its own, which readers of both formats take one after the other. So the blob's bytes
 * depend on the stream alone: not on how many threads make it, nor on how it was handed over, nor
 * on the processor (docs/decisions/0060-blobs-in-blocks.md). Both sides are hashed and counted.
 *
 * A stream of one block is compressed by its caller; a longer one by as many threads as there are
 * processors, DEFLATE_THREADS_MAX at most, while one more hashes and writes. Memory is bounded. A
 * failure shows at the next call. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "failure.h"
#include "hash.h"

#define DEFLATE_BLOCK ((size_t) 1 << 20)
#define DEFLATE_THREADS_MAX 8

struct deflate;

struct deflate_summary {
  char digest[HASH_TEXT_SIZE]; /* of what was written */
  char diff_id[HASH_TEXT_SIZE];
  uint64_t size;
  uint64_t diff_size;
};

/* `compression` is "gzip", "zstd" or "none"; else EINVAL. `fd` stays the caller's, who leaves it
 * alone until deflate_close(). At most `threads`; 0: as many as there are processors. */
int deflate_open(const char *compression, int fd, unsigned threads, struct deflate **ret_deflate,
                 struct failure *why);

/* A place for the next bytes, of one byte at least, and what it has room for. */
int deflate_room(struct deflate *deflate, unsigned char **ret_room, size_t *ret_size,
                 struct failure *why);
/* So many of them are there. */
void deflate_add(struct deflate *deflate, size_t size);

/* Both in one, for bytes that are somewhere else. */
int deflate_write(struct deflate *deflate, const void *bytes, size_t size, struct failure *why);

/* The end of the stream: all is written. */
int deflate_finish(struct deflate *deflate, struct deflate_summary *ret_summary,
                   struct failure *why);

/* Ends the threads. */
void deflate_close(struct deflate *deflate);
