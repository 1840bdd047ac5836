/* tar.h — reads a tar: v7, ustar, pax and GNU, with long names and every form of sparse file.
 *
 * A layer comes from a stranger. So: memory is bounded whatever the bytes say (extended
 * headers 1 MiB, names TAR_NAME_MAX, sparse maps TAR_EXTENTS_MAX); a wrong checksum, a size
 * that lies, a malformed number or record is EBADMSG; names come as they are in the archive,
 * to be judged by whoever makes files of them, but never with a NUL inside. It touches no
 * file system.
 *
 * What the standards leave open is as in Go's archive/tar, which made and reads most layers:
 * the end is two zero blocks or the end of the input at a block; what follows the two zero
 * blocks is not looked at; global pax headers are checked and otherwise ignored; links,
 * directories and devices have no contents, whatever size they claim. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "failure.h"

#define TAR_BLOCK 512u
#define TAR_NAME_MAX 4095u
#define TAR_XATTRS_MAX 256u
#define TAR_EXTENTS_MAX (1u << 20)
#define TAR_EXTENDED_MAX (1u << 20)

enum tar_type {
  TAR_FILE,
  TAR_HARD_LINK,
  TAR_SYMLINK,
  TAR_CHARACTER,
  TAR_BLOCK_DEVICE,
  TAR_DIRECTORY,
  TAR_FIFO,
};

struct tar_xattr {
  const char *name;
  const void *value;
  size_t size;
};

/* All of it belongs to the reader, until the next entry. */
struct tar_entry {
  enum tar_type type;
  const char *name;
  const char *link; /* of links, else "" */
  unsigned mode;    /* 07777 */
  int64_t uid;      /* any number a header can hold */
  int64_t gid;
  int64_t size; /* of the file, holes included */
  int64_t mtime;
  unsigned mtime_nsec;
  const struct tar_xattr *xattrs;
  size_t xattr_count;
  unsigned device_major; /* of devices, when written: nobody asks what those of strangers are */
  unsigned device_minor;
};

/* Where the bytes come from: their number, 0 at the end, -errno. */
struct tar_source {
  int (*next)(void *context, const unsigned char **ret_bytes, struct failure *why);
  void *context;
};

struct tar;

int tar_open(struct tar_source source, struct tar **ret_tar, struct failure *why);

/* 1: an entry; 0: the end. Contents of the one before that were not read are skipped. */
int tar_next(struct tar *tar, const struct tar_entry **ret_entry, struct failure *why);

/* The next piece of the entry's contents, valid until the next call: its length, 0 at the
 * end. What lies between pieces, and between the last one and entry->size, is zeros. */
int tar_read(struct tar *tar, const unsigned char **ret_bytes, int64_t *ret_offset,
             struct failure *why);

void tar_close(struct tar *tar);
