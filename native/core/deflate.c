/* Theory of operation. Blocks go round in a ring, each in one state after the other:
 *
 *   FREE ─ the caller fills it ─▶ FULL ─ a packer ─▶ TAKEN ─▶ PACKED ─ the finisher ─▶ FREE
 *
 * Packers take the blocks in order and may end in any; the finisher hashes what is in them, and
 * hashes and writes what became of them, in order. Each waits for a state of a block, under one
 * mutex: a block is a millisecond's work or more. With no threads the caller does it all. */
#include "deflate.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "deflate_parts.h"
#include "fd.h"

enum state { FREE, FULL, TAKEN, PACKED };

struct block {
  enum state state;
  unsigned char *bytes;
  size_t size;
  unsigned char *packed; /* what it became: `bytes` itself, when it is not compressed */
  size_t packed_size;    /* 0: that failed */
};

struct deflate {
  enum codec_kind kind;
  int fd;
  unsigned threads_wanted;
  struct codec *codec; /* the caller's own */

  struct block *blocks;
  size_t block_count;
  unsigned char *memory; /* of all blocks */
  size_t memory_size;
  size_t filled; /* blocks handed on so far: the next one is the caller's */
  size_t taken;  /* by packers */

  pthread_t threads[DEFLATE_THREADS_MAX + 1];
  size_t thread_count; /* the finisher is the first */
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  bool has_ended; /* no more blocks will come */
  bool has_failed;
  struct failure why;

  struct hash in, out;
  uint64_t size, diff_size;
};

static struct block *block_at(struct deflate *deflate, size_t number) {
  return &deflate->blocks[number % deflate->block_count];
}

static void pack(struct deflate *deflate, struct codec *codec, struct block *block) {
  if (deflate->kind == CODEC_NONE) {
    block->packed = block->bytes;
    block->packed_size = block->size;
  } else {
    block->packed_size = codec_pack(codec, block->bytes, block->size, block->packed);
  }
}

static int write_packed(struct deflate *deflate, const struct block *block, struct failure *why) {
  if (block->packed_size == 0 && deflate->kind != CODEC_NONE)
    return fail(why, ENOMEM, "compress");
  deflate->size += block->packed_size;
  if (deflate->kind != CODEC_NONE)
    hash_update(&deflate->out, block->packed, block->packed_size);
  return fd_write_all(deflate->fd, block->packed, block->packed_size, why);
}

static void hash_block(struct deflate *deflate, const struct block *block) {
  deflate->diff_size += block->size;
  hash_update(&deflate->in, block->bytes, block->size);
}

/* Threads */

static void set_state(struct deflate *deflate, struct block *block, enum state state) {
  (void) pthread_mutex_lock(&deflate->mutex);
  block->state = state;
  (void) pthread_cond_broadcast(&deflate->changed);
  (void) pthread_mutex_unlock(&deflate->mutex);
}

static void stop(struct deflate *deflate, const struct failure *why) {
  (void) pthread_mutex_lock(&deflate->mutex);
  if (why != NULL && !deflate->has_failed) {
    deflate->why = *why;
    deflate->has_failed = true;
  }
  deflate->has_ended = true;
  (void) pthread_cond_broadcast(&deflate->changed);
  (void) pthread_mutex_unlock(&deflate->mutex);
}

/* Waits until the block is in that state; false: it will not be. */
static bool wait_for(struct deflate *deflate, const struct block *block, enum state state) {
  (void) pthread_mutex_lock(&deflate->mutex);
  while (block->state != state && !deflate->has_failed)
    (void) pthread_cond_wait(&deflate->changed, &deflate->mutex);
  const bool is_there = !deflate->has_failed;
  (void) pthread_mutex_unlock(&deflate->mutex);
  return is_there;
}

/* NULL at the end. */
static struct block *take_full(struct deflate *deflate) {
  struct block *block = NULL;

  (void) pthread_mutex_lock(&deflate->mutex);
  while (deflate->taken == deflate->filled && !deflate->has_ended)
    (void) pthread_cond_wait(&deflate->changed, &deflate->mutex);
  if (deflate->taken < deflate->filled && !deflate->has_failed) {
    block = block_at(deflate, deflate->taken++);
    block->state = TAKEN;
  }
  (void) pthread_mutex_unlock(&deflate->mutex);
  return block;
}

static void *packer_main(void *context) {
  struct deflate *deflate = context;
  struct codec *codec = codec_open(deflate->kind);
  struct failure why;
  struct block *block;

  if (codec == NULL && deflate->kind != CODEC_NONE) {
    (void) fail(&why, ENOMEM, "compress");
    stop(deflate, &why);
    return NULL;
  }
  while ((block = take_full(deflate)) != NULL) {
    pack(deflate, codec, block);
    set_state(deflate, block, PACKED);
  }
  codec_close(codec);
  return NULL;
}

/* NULL when the stream has ended before it. */
static struct block *await_filled(struct deflate *deflate, size_t number) {
  (void) pthread_mutex_lock(&deflate->mutex);
  while (deflate->filled <= number && !deflate->has_ended)
    (void) pthread_cond_wait(&deflate->changed, &deflate->mutex);
  const bool is_there = deflate->filled > number && !deflate->has_failed;
  (void) pthread_mutex_unlock(&deflate->mutex);
  return is_there ? block_at(deflate, number) : NULL;
}

static void *finisher_main(void *context) {
  struct deflate *deflate = context;
  struct failure why;
  struct block *block;

  for (size_t number = 0; (block = await_filled(deflate, number)) != NULL; number++) {
    hash_block(deflate, block);
    if (!wait_for(deflate, block, PACKED))
      break;
    if (write_packed(deflate, block, &why) < 0) {
      stop(deflate, &why);
      break;
    }
    set_state(deflate, block, FREE);
  }
  return NULL;
}

static void join_threads(struct deflate *deflate) {
  while (deflate->thread_count > 0)
    (void) pthread_join(deflate->threads[--deflate->thread_count], NULL);
}

/* A user may have no more of them: then there are fewer, or none. */
static void start_threads(struct deflate *deflate) {
  pthread_t *threads = deflate->threads;

  if (pthread_create(&threads[0], NULL, finisher_main, deflate) != 0)
    return;
  deflate->thread_count = 1;
  while (deflate->thread_count <= deflate->threads_wanted &&
         pthread_create(&threads[deflate->thread_count], NULL, packer_main, deflate) == 0)
    deflate->thread_count++;
  if (deflate->thread_count > 1)
    return;
  stop(deflate, NULL);
  join_threads(deflate);
  deflate->has_ended = false;
}

/* The caller's side */

/* One is being filled while each packer has one and the next of each waits. */
static size_t blocks_for(size_t threads) {
  return 2 * threads + 2;
}

static int add_memory(struct deflate *deflate, size_t block_count, struct failure *why) {
  const size_t packed_room = codec_bound(deflate->kind, DEFLATE_BLOCK);
  const size_t size = block_count * (DEFLATE_BLOCK + packed_room);

  /* Not malloc(): of what is never touched nothing is used. */
  unsigned char *memory =
      mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return fail(why, errno, "compress");
  deflate->memory = memory;
  deflate->memory_size = size;
  deflate->blocks = calloc(block_count, sizeof *deflate->blocks);
  if (deflate->blocks == NULL)
    return fail(why, ENOMEM, "compress");
  deflate->block_count = block_count;
  for (size_t i = 0; i < block_count; i++, memory += DEFLATE_BLOCK + packed_room) {
    deflate->blocks[i].bytes = memory;
    deflate->blocks[i].packed = memory + DEFLATE_BLOCK;
  }
  return 0;
}

static unsigned processors(void) {
  cpu_set_t set;

  return sched_getaffinity(0, sizeof set, &set) < 0 ? 1 : (unsigned) CPU_COUNT(&set);
}

int deflate_open(const char *compression, int fd, unsigned threads, struct deflate **ret_deflate,
                 struct failure *why) {
  struct deflate *deflate = calloc(1, sizeof *deflate);

  if (deflate == NULL)
    return fail(why, ENOMEM, "compress");
  deflate->fd = fd;
  const unsigned wanted = threads == 0 ? processors() : threads;
  deflate->threads_wanted = wanted < DEFLATE_THREADS_MAX ? wanted : DEFLATE_THREADS_MAX;
  (void) pthread_mutex_init(&deflate->mutex, NULL);
  (void) pthread_cond_init(&deflate->changed, NULL);
  hash_begin(&deflate->in);
  hash_begin(&deflate->out);
  if (codec_find(compression, &deflate->kind, why) < 0 ||
      add_memory(deflate, blocks_for(deflate->threads_wanted), why) < 0) {
    deflate_close(deflate);
    return -why->errnum;
  }
  *ret_deflate = deflate;
  return 0;
}

/* Without threads. */
static int do_all(struct deflate *deflate, struct block *block, struct failure *why) {
  if (deflate->codec == NULL && deflate->kind != CODEC_NONE)
    deflate->codec = codec_open(deflate->kind);
  if (deflate->codec == NULL && deflate->kind != CODEC_NONE)
    return fail(why, ENOMEM, "compress");
  hash_block(deflate, block);
  pack(deflate, deflate->codec, block);
  block->size = 0;
  return write_packed(deflate, block, why);
}

static int hand_on(struct deflate *deflate, struct failure *why) {
  struct block *block = block_at(deflate, deflate->filled);

  if (deflate->filled == 0 && deflate->thread_count == 0)
    start_threads(deflate);
  if (deflate->thread_count == 0)
    return do_all(deflate, block, why);
  (void) pthread_mutex_lock(&deflate->mutex);
  block->state = FULL;
  deflate->filled++;
  (void) pthread_cond_broadcast(&deflate->changed);
  (void) pthread_mutex_unlock(&deflate->mutex);
  block = block_at(deflate, deflate->filled);
  if (!wait_for(deflate, block, FREE)) {
    *why = deflate->why;
    return -why->errnum;
  }
  block->size = 0;
  return 0;
}

int deflate_room(struct deflate *deflate, unsigned char **ret_room, size_t *ret_size,
                 struct failure *why) {
  struct block *block = block_at(deflate, deflate->filled);

  if (block->size == DEFLATE_BLOCK) {
    if (hand_on(deflate, why) < 0)
      return -why->errnum;
    block = block_at(deflate, deflate->filled);
  }
  *ret_room = block->bytes + block->size;
  *ret_size = DEFLATE_BLOCK - block->size;
  return 0;
}

void deflate_add(struct deflate *deflate, size_t size) {
  block_at(deflate, deflate->filled)->size += size;
}

int deflate_write(struct deflate *deflate, const void *bytes, size_t size, struct failure *why) {
  const unsigned char *from = bytes;
  unsigned char *room;
  size_t n;

  for (; size > 0; from += n, size -= n) {
    if (deflate_room(deflate, &room, &n, why) < 0)
      return -why->errnum;
    n = n < size ? n : size;
    memcpy(room, from, n);
    deflate_add(deflate, n);
  }
  return 0;
}

/* An empty stream has one block, too: an empty file is no gzip. */
static int hand_on_rest(struct deflate *deflate, struct failure *why) {
  struct block *block = block_at(deflate, deflate->filled);

  if (deflate->thread_count == 0 && (block->size > 0 || deflate->diff_size == 0))
    return do_all(deflate, block, why);
  return block->size > 0 ? hand_on(deflate, why) : 0;
}

int deflate_finish(struct deflate *deflate, struct deflate_summary *ret_summary,
                   struct failure *why) {
  if (hand_on_rest(deflate, why) < 0)
    return -why->errnum;
  stop(deflate, NULL);
  join_threads(deflate);
  if (deflate->has_failed) {
    *why = deflate->why;
    return -why->errnum;
  }
  if (deflate->kind == CODEC_NONE)
    deflate->out = deflate->in;
  ret_summary->size = deflate->size;
  ret_summary->diff_size = deflate->diff_size;
  hash_text(&deflate->out, ret_summary->digest);
  hash_text(&deflate->in, ret_summary->diff_id);
  return 0;
}

void deflate_close(struct deflate *deflate) {
  struct failure why;

  if (deflate == NULL)
    return;
  (void) fail(&why, ECANCELED, "compress");
  stop(deflate, &why);
  join_threads(deflate);
  (void) pthread_cond_destroy(&deflate->changed);
  (void) pthread_mutex_destroy(&deflate->mutex);
  codec_close(deflate->codec);
  if (deflate->memory != NULL)
    (void) munmap(deflate->memory, deflate->memory_size);
  free(deflate->blocks);
  free(deflate);
}
