/* tar_write.h — writes a tar: ustar, with pax headers for what that cannot say.
 *
 * The same entries in the same order are the same bytes, whoever writes them and when: nothing is
 * in them but what the caller says. Names go into the header as they are, whatever bytes they
 * have; only what does not fit goes into a pax header: long names and link targets, big numbers,
 * fractions of a second, attributes (SCHILY.xattr, in the order of their names). Go's archive/tar,
 * GNU tar, bsdtar and Python read it. The first failure ends it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "failure.h"
#include "tar.h"

/* Where the bytes go: 0 or -errno. */
struct tar_sink {
  int (*put)(void *context, const void *bytes, size_t size, struct failure *why);
  /* Up to `size` bytes of a file, from where `fd` stands: their number, 0 at its end. */
  int64_t (*copy)(void *context, int fd, int64_t size, struct failure *why);
  int (*flush)(void *context, struct failure *why); /* NULL: nothing is held back */
  void *context;
};

/* A descriptor, with what is held back for it. It may be of any kind, also one that does not
 * block. */
struct tar_output {
  int fd;
  size_t used;
  char bytes[256 << 10];
};
struct tar_sink tar_sink_of(struct tar_output *output);

struct tar_writer;

int tar_write_open(struct tar_sink sink, struct tar_writer **ret_writer, struct failure *why);

/* Begin an entry. A directory gets a slash behind its name; only files have contents, of
 * entry->size bytes. EMSGSIZE for attributes that no reader would take. */
int tar_write_entry(struct tar_writer *writer, const struct tar_entry *entry, struct failure *why);

/* The next bytes of the file's contents. What is too much is left out. */
int tar_write_contents(struct tar_writer *writer, const void *bytes, size_t size,
                       struct failure *why);

/* The contents are those of the file, from where `fd` stands: as many bytes as it has, and none too
 * many. */
int tar_write_copy(struct tar_writer *writer, int fd, struct failure *why);

/* Bytes of the contents that are still to come. */
int64_t tar_write_left(const struct tar_writer *writer);

/* The end of the entry's contents: what is missing is zeros. 1 if there was something missing. */
int tar_write_fill(struct tar_writer *writer, struct failure *why);

/* The end of the tar. */
int tar_write_finish(struct tar_writer *writer, struct failure *why);

/* Bytes written so far. */
uint64_t tar_write_size(const struct tar_writer *writer);

void tar_write_close(struct tar_writer *writer);
