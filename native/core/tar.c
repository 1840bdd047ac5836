/* Theory of operation. Bytes come in pieces of any length (struct tar_source) and are looked
 * at once: headers are put together in `block`, extended headers in `extended_bytes`, and
 * contents are handed on where they lie. tar_next() reads headers until one of them is an
 * entry; extended headers before it fill `extended`, which then overrides its fields. */
#include "tar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tar_parts.h"

struct tar {
  struct input input;
  unsigned char block[TAR_BLOCK];
  char name[TAR_NAME_MAX + 1];
  char link[TAR_NAME_MAX + 1];
  char *extended_bytes[4]; /* of an x, a g, an L and a K header */
  struct extended extended;
  struct sparse sparse;
  struct tar_entry entry;

  int64_t stored; /* bytes of contents in the archive not yet read */
  unsigned padding;
  size_t extent; /* where in the sparse map we are */
  int64_t extent_used;
  int is_sparse;
};

enum { BYTES_PAX, BYTES_GLOBAL, BYTES_NAME, BYTES_LINK };

static void clear_extended(struct tar *tar) {
  memset(&tar->extended, 0, offsetof(struct extended, xattrs));
  tar->extended.pending_offset = -1;
  tar->sparse.count = 0;
}

static unsigned padding_of(int64_t size) {
  return (unsigned) (-(uint64_t) size % TAR_BLOCK);
}

/* Padding missing at the very end is forgiven, as end blocks are. */
static int skip_contents(struct tar *tar, struct failure *why) {
  if (input_take_all(&tar->input, NULL, tar->stored, why) < 0)
    return -why->errnum;
  tar->stored = 0;
  const int64_t r = input_take(&tar->input, NULL, tar->padding, why);
  tar->padding = 0;
  return r < 0 ? (int) r : 0;
}

static int is_zero_block(const unsigned char *block) {
  return block[0] == 0 && memcmp(block, block + 1, TAR_BLOCK - 1) == 0;
}

/* 1: `block` is a header; 0: the end. */
static int read_block(struct tar *tar, struct failure *why) {
  for (int zero_blocks = 0; zero_blocks < 2; zero_blocks++) {
    const int64_t n = input_take(&tar->input, tar->block, TAR_BLOCK, why);

    if (n <= 0)
      return (int) n;
    if (n < TAR_BLOCK)
      return input_fail(&tar->input, "unexpected end", why);
    if (!is_zero_block(tar->block)) {
      if (zero_blocks > 0 || !field_is_checksum_right(tar->block))
        return input_fail(&tar->input, "wrong header checksum", why);
      return 1;
    }
  }
  return 0;
}

static int field(struct tar *tar, size_t at, size_t size, const char *what, int64_t *ret_number,
                 struct failure *why) {
  if (field_number(tar->block, at, size, ret_number) == 0)
    return 0;
  (void) fail(why, EBADMSG, "malformed %s", what);
  return input_fail_while(&tar->input, why);
}

static int read_size(struct tar *tar, int64_t *ret_size, struct failure *why) {
  int64_t size = 0;

  if (tar->extended.has_size)
    size = tar->extended.size;
  else if (field(tar, FIELD_SIZE, "size", &size, why) < 0)
    return -why->errnum;
  /* Room for the padding: no sum below overflows. */
  if (size < 0 || size > INT64_MAX - TAR_BLOCK)
    return input_fail(&tar->input, "impossible size", why);
  *ret_size = size;
  return 0;
}

/* An extended header's contents, with a NUL behind them, in a buffer that lives on. */
static int read_extended(struct tar *tar, int which, int64_t *ret_size, struct failure *why) {
  int64_t size = 0;

  if (field(tar, FIELD_SIZE, "size", &size, why) < 0)
    return -why->errnum;
  if (size < 0 || size > TAR_EXTENDED_MAX)
    return input_fail(&tar->input, "extended header of impossible size", why);
  char *bytes = realloc(tar->extended_bytes[which], (size_t) size + 1);
  if (bytes == NULL)
    return fail(why, ENOMEM, "read tar");
  tar->extended_bytes[which] = bytes;
  if (input_take_all(&tar->input, bytes, size, why) < 0 ||
      input_take_all(&tar->input, NULL, padding_of(size), why) < 0)
    return -why->errnum;
  bytes[size] = '\0';
  *ret_size = size;
  return 0;
}

static int read_pax(struct tar *tar, struct failure *why) {
  int64_t size = 0;

  if (read_extended(tar, BYTES_PAX, &size, why) < 0)
    return -why->errnum;
  clear_extended(tar); /* of two in a row only the second counts: the buffer is the same */
  if (pax_parse(tar->extended_bytes[BYTES_PAX], (size_t) size, &tar->extended, &tar->sparse, why) <
      0)
    return input_fail_while(&tar->input, why);
  return 0;
}

static int read_global(struct tar *tar, struct failure *why) {
  struct extended ignored = {.pending_offset = -1};
  struct sparse sparse = {0};
  int64_t size = 0;

  if (read_extended(tar, BYTES_GLOBAL, &size, why) < 0)
    return -why->errnum;
  const int r = pax_parse(tar->extended_bytes[BYTES_GLOBAL], (size_t) size, &ignored, &sparse, why);
  free(sparse.extents);
  return r < 0 ? input_fail_while(&tar->input, why) : 0;
}

/* 1: it was an extended header, 0: it is an entry. */
static int take_extended(struct tar *tar, const char **gnu_name, const char **gnu_link,
                         struct failure *why) {
  int64_t size;
  int r;

  switch (tar->block[AT_TYPE]) {
    case 'x':
    case 'X': /* Solaris */ r = read_pax(tar, why); break;
    case 'g': r = read_global(tar, why); break;
    case 'L':
      r = read_extended(tar, BYTES_NAME, &size, why);
      *gnu_name = tar->extended_bytes[BYTES_NAME];
      break;
    case 'K':
      r = read_extended(tar, BYTES_LINK, &size, why);
      *gnu_link = tar->extended_bytes[BYTES_LINK];
      break;
    default: return 0;
  }
  return r < 0 ? r : 1;
}

static int copy_name(struct tar *tar, const char *from, char *to, struct failure *why) {
  const size_t size = strnlen(from, TAR_NAME_MAX + 1);

  if (size > TAR_NAME_MAX) {
    (void) fail(why, ENAMETOOLONG, "name %.40s…", from);
    return input_fail_while(&tar->input, why);
  }
  memcpy(to, from, size);
  to[size] = '\0';
  return 0;
}

static size_t append_field(char *to, size_t used, const unsigned char *block, size_t at,
                           size_t size) {
  const size_t length = strnlen((const char *) block + at, size);

  memcpy(to + used, block + at, length);
  to[used + length] = '\0';
  return used + length;
}

/* GNU has times where ustar has the prefix, but Go before 1.8, and so the Docker of its day,
 * wrote a prefix under GNU's magic. */
static int has_prefix(const unsigned char *block) {
  int64_t ignored;

  if (memcmp(block + AT_MAGIC, "ustar\0", 6) == 0)
    return 1;
  if (memcmp(block + AT_MAGIC, "ustar  \0", 8) != 0)
    return 0;
  return field_number(block, 345, 12, &ignored) < 0 || field_number(block, 357, 12, &ignored) < 0;
}

/* star has times where the last bytes of ustar's prefix are, and says so at the end. */
static size_t prefix_size(const unsigned char *block) {
  return memcmp(block + AT_TRAILER, "tar\0", 4) == 0 ? STAR_PREFIX_SIZE : PREFIX_SIZE;
}

static void read_header_name(struct tar *tar) {
  size_t used = 0;

  if (has_prefix(tar->block))
    used = append_field(tar->name, 0, tar->block, AT_PREFIX, prefix_size(tar->block));
  if (used > 0)
    tar->name[used++] = '/';
  (void) append_field(tar->name, used, tar->block, FIELD_NAME);
}

static int read_names(struct tar *tar, const char *gnu_name, const char *gnu_link,
                      struct failure *why) {
  const struct extended *extended = &tar->extended;
  const char *name = extended->path != NULL ? extended->path : gnu_name;
  const char *link = extended->link != NULL ? extended->link : gnu_link;

  if (extended->is_sparse && extended->sparse_name != NULL)
    name = extended->sparse_name;
  read_header_name(tar);
  (void) append_field(tar->link, 0, tar->block, FIELD_LINK);
  if (name != NULL && copy_name(tar, name, tar->name, why) < 0)
    return -why->errnum;
  if (link != NULL && copy_name(tar, link, tar->link, why) < 0)
    return -why->errnum;
  return 0;
}

static int read_numbers(struct tar *tar, struct failure *why) {
  const struct extended *extended = &tar->extended;
  struct tar_entry *entry = &tar->entry;
  int64_t mode = 0;

  if (field(tar, FIELD_MODE, "mode", &mode, why) < 0)
    return -why->errnum;
  entry->mode = (unsigned) (mode & 07777);
  entry->uid = extended->uid;
  if (!extended->has_uid && field(tar, FIELD_UID, "uid", &entry->uid, why) < 0)
    return -why->errnum;
  entry->gid = extended->gid;
  if (!extended->has_gid && field(tar, FIELD_GID, "gid", &entry->gid, why) < 0)
    return -why->errnum;
  entry->mtime = extended->mtime;
  entry->mtime_nsec = extended->mtime_nsec;
  if (!extended->has_mtime && field(tar, FIELD_MTIME, "time", &entry->mtime, why) < 0)
    return -why->errnum;
  return 0;
}

static int read_type(struct tar *tar, enum tar_type *ret_type, struct failure *why) {
  const unsigned char type = tar->block[AT_TYPE];
  const size_t length = strlen(tar->name);
  static const enum tar_type types[] = {TAR_FILE,         TAR_HARD_LINK, TAR_SYMLINK, TAR_CHARACTER,
                                        TAR_BLOCK_DEVICE, TAR_DIRECTORY, TAR_FIFO,    TAR_FILE};

  if (type == '\0' || type == 'S')
    *ret_type = TAR_FILE;
  else if (type >= '0' && type <= '7')
    *ret_type = types[type - '0'];
  else {
    (void) fail(why, EOPNOTSUPP, "entry %.80s of type 0x%02x", tar->name, type);
    return input_fail_while(&tar->input, why);
  }
  if (*ret_type == TAR_FILE && length > 0 && tar->name[length - 1] == '/')
    *ret_type = TAR_DIRECTORY; /* v7 had no other way to say so */
  return 0;
}

static int read_sparse(struct tar *tar, struct failure *why) {
  const struct extended *extended = &tar->extended;
  int r = 0;

  tar->is_sparse = tar->block[AT_TYPE] == 'S' || extended->is_sparse;
  if (!tar->is_sparse)
    return 0;
  if (tar->block[AT_TYPE] == 'S') {
    r = sparse_read_gnu(&tar->sparse, &tar->input, tar->block, &tar->entry.size, why);
  } else if (!extended->has_real_size || extended->sparse_major > 1 ||
             extended->pending_offset >= 0) {
    return input_fail(&tar->input, "malformed or unknown sparse file", why);
  } else {
    tar->entry.size = extended->real_size;
    if (extended->sparse_major == 1)
      r = sparse_read_map(&tar->sparse, &tar->input, &tar->stored, why);
  }
  if (r < 0)
    return r;
  if (sparse_check(&tar->sparse, tar->entry.size, tar->stored, why) < 0)
    return input_fail_while(&tar->input, why);
  return 0;
}

static int read_entry(struct tar *tar, const char *gnu_name, const char *gnu_link,
                      struct failure *why) {
  struct tar_entry *entry = &tar->entry;
  int64_t size = 0;

  *entry = (struct tar_entry){.name = tar->name, .link = tar->link};
  entry->xattrs = tar->extended.xattrs;
  entry->xattr_count = tar->extended.xattr_count;
  if (read_names(tar, gnu_name, gnu_link, why) < 0 || read_numbers(tar, why) < 0 ||
      read_type(tar, &entry->type, why) < 0 || read_size(tar, &size, why) < 0)
    return -why->errnum;
  tar->extent = 0;
  tar->extent_used = 0;
  tar->is_sparse = 0;
  if (entry->type == TAR_FILE) {
    entry->size = size;
    tar->stored = size;
    tar->padding = padding_of(size);
    return read_sparse(tar, why);
  }
  /* A directory that a slash makes of a file has the file's contents to skip. */
  if (tar->block[AT_TYPE] < '1' || tar->block[AT_TYPE] > '6') {
    tar->stored = size;
    tar->padding = padding_of(size);
  }
  return 0;
}

int tar_next(struct tar *tar, const struct tar_entry **ret_entry, struct failure *why) {
  const char *gnu_name = NULL;
  const char *gnu_link = NULL;
  int is_expected = 0;

  if (skip_contents(tar, why) < 0)
    return -why->errnum;
  clear_extended(tar);
  for (;;) {
    int r = read_block(tar, why);

    if (r < 0)
      return r;
    if (r == 0)
      return is_expected ? input_fail(&tar->input, "extended header without an entry", why) : 0;
    r = take_extended(tar, &gnu_name, &gnu_link, why);
    if (r < 0)
      return r;
    if (r == 0)
      break;
    is_expected = tar->block[AT_TYPE] != 'g' || is_expected;
  }
  const int r = read_entry(tar, gnu_name, gnu_link, why);
  if (r < 0)
    return r;
  *ret_entry = &tar->entry;
  return 1;
}

int tar_read(struct tar *tar, const unsigned char **ret_bytes, int64_t *ret_offset,
             struct failure *why) {
  if (tar->entry.type != TAR_FILE || tar->stored == 0)
    return 0;
  const int r = input_fill(&tar->input, why);
  if (r < 0)
    return r;
  if (r == 0)
    return input_fail(&tar->input, "unexpected end", why);

  int64_t wanted = tar->stored;
  int64_t offset = tar->extent_used;
  if (tar->is_sparse) {
    /* sparse_check() made sure that the extents end where what is stored does. */
    while (tar->extent_used == tar->sparse.extents[tar->extent].size) {
      tar->extent++;
      tar->extent_used = 0;
    }
    const struct extent *extent = &tar->sparse.extents[tar->extent];
    offset = extent->offset + tar->extent_used;
    wanted = extent->size - tar->extent_used;
  }
  const size_t n = wanted < (int64_t) tar->input.left ? (size_t) wanted : tar->input.left;
  *ret_bytes = tar->input.bytes;
  *ret_offset = offset;
  input_skip(&tar->input, n);
  tar->stored -= (int64_t) n;
  tar->extent_used += (int64_t) n;
  return (int) n;
}

int tar_open(struct tar_source source, struct tar **ret_tar, struct failure *why) {
  struct tar *tar = calloc(1, sizeof *tar);

  if (tar == NULL)
    return fail(why, ENOMEM, "read tar");
  tar->input.source = source;
  *ret_tar = tar;
  return 0;
}

void tar_close(struct tar *tar) {
  if (tar == NULL)
    return;
  for (size_t i = 0; i < sizeof tar->extended_bytes / sizeof *tar->extended_bytes; i++)
    free(tar->extended_bytes[i]);
  free(tar->sparse.extents);
  free(tar);
}
