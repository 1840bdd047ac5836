/* tar_parts.h — what the files of the tar reader share. Nobody else includes it. */
#pragma once

#include "tar.h"

/* Offsets and lengths in a header block. */
#define FIELD_NAME 0, 100
#define FIELD_MODE 100, 8
#define FIELD_UID 108, 8
#define FIELD_GID 116, 8
#define FIELD_SIZE 124, 12
#define FIELD_MTIME 136, 12
#define FIELD_LINK 157, 100
#define AT_CHECKSUM 148
#define AT_TYPE 156
#define AT_MAGIC 257
#define FIELD_DEVICE_MAJOR 329, 8
#define FIELD_DEVICE_MINOR 337, 8
#define AT_PREFIX 345
#define PREFIX_SIZE 155
#define STAR_PREFIX_SIZE 131
#define AT_TRAILER 508

/* The archive's bytes, piece after piece. */
struct input {
  struct tar_source source;
  const unsigned char *bytes; /* what is left of the current piece */
  size_t left;
  int at_end;        /* of the source */
  uint64_t consumed; /* for messages */
};

struct extent {
  int64_t offset;
  int64_t size;
};

struct sparse {
  struct extent *extents;
  size_t count;
  size_t room;
};

/* What extended headers said about the entry to come; NULL or has_… = 0: nothing. */
struct extended {
  const char *path; /* NUL-terminated, in `bytes` of tar */
  const char *link;
  int has_size, has_uid, has_gid, has_mtime;
  int64_t size, uid, gid, mtime;
  unsigned mtime_nsec;

  int is_sparse; /* any GNU.sparse record */
  int64_t sparse_major, sparse_minor;
  int has_real_size;
  int64_t real_size;
  const char *sparse_name;
  int64_t pending_offset; /* of 0.0, until its numbytes comes; -1: none */

  size_t xattr_count;
  struct tar_xattr xattrs[TAR_XATTRS_MAX]; /* last, and not cleared */
};

/* tar_field.c */
int field_number(const unsigned char *block, size_t at, size_t size, int64_t *ret_number);
int field_is_checksum_right(const unsigned char *block);
/* A decimal number that ends at `end`. */
int field_decimal(const char *text, const char *end, int64_t *ret_number);

/* tar_pax.c: `bytes` is changed in place and stays referred to. */
int pax_parse(char *bytes, size_t size, struct extended *extended, struct sparse *sparse,
              struct failure *why);

/* tar_input.c */
/* 1: there are bytes; 0: there will be none. */
int input_fill(struct input *input, struct failure *why);
void input_skip(struct input *input, size_t size); /* no more than `left` */
/* Up to `size` bytes to `to`, or nowhere for NULL: how many there were. */
int64_t input_take(struct input *input, void *to, int64_t size, struct failure *why);
int input_take_all(struct input *input, void *to, int64_t size, struct failure *why);
int input_fail(const struct input *input, const char *what, struct failure *why);
int input_fail_while(const struct input *input, struct failure *why);

/* tar_sparse.c */
int sparse_add(struct sparse *sparse, int64_t offset, int64_t size, struct failure *why);
/* "offset,size,offset,size" of pax format 0.1. */
int sparse_add_list(struct sparse *sparse, const char *list, struct failure *why);
/* The map of an old GNU header `block`, and of the blocks behind it while they say so. */
int sparse_read_gnu(struct sparse *sparse, struct input *input, unsigned char *block,
                    int64_t *ret_real_size, struct failure *why);
/* The map that precedes the contents in pax format 1.0, taken off the bytes `stored`. */
int sparse_read_map(struct sparse *sparse, struct input *input, int64_t *stored,
                    struct failure *why);
/* In order, apart, within the file, and as many bytes as are stored. */
int sparse_check(const struct sparse *sparse, int64_t real_size, int64_t stored,
                 struct failure *why);
