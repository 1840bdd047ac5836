/* ahead.h — a blob is read, hashed and unpacked in a process of its own, ahead of its use.
 *
 * Creating files keeps one core busy in the kernel, unpacking and hashing another one. What
 * inflate.h promises holds here, too. Whoever starts it calls ahead_finish() or ahead_stop();
 * when we are killed, the process ends with us. */
#pragma once

#include "../core/follow.h"
#include "../core/inflate.h"

struct ahead;

/* Reads `fd`, which stays the caller's. `follow`: that of a file that still grows, else NULL;
 * whoever writes such a file hashes it: `digest` of the summary is empty. */
int ahead_start(int fd, const struct follow *follow, struct ahead **ret_ahead, struct failure *why);

/* How much of the blob was read so far. */
uint64_t ahead_size(const struct ahead *ahead);

/* The next bytes, valid until the next call: their number, 0 at the end. A struct tar_source's
 * function: `context` is the struct ahead. */
int ahead_next(void *context, const unsigned char **ret_bytes, struct failure *why);

/* Reads what is left, and tells what the whole was. */
int ahead_finish(struct ahead *ahead, struct inflate_summary *ret_summary, struct failure *why);

/* Ends the process, if it still runs, and frees. NULL is fine. */
void ahead_stop(struct ahead *ahead);
