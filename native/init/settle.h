/* settle.h — what is written goes to the disk while more is being made.
 *
 * Whoever makes a tree asks for its file system to be synced in the end, and the kernel would keep
 * hundreds of megabytes until then. So a process of its own syncs it now and again. It is started
 * when there is enough to write; when we are killed it ends with us. */
#pragma once

#include <stddef.h>

struct settler;

/* Of the file system of `fd`, which stays the caller's. NULL when there is no memory: then all is
 * left to the end. */
struct settler *settle_open(int fd);

/* So much more was written. Never waits and never fails. */
void settle_add(struct settler *settler, size_t size);

/* Ends the process, if there is one, and frees. NULL is fine. */
void settle_close(struct settler *settler);
