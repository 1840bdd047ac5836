#include "tar_write.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tar_parts.h"
#include "tar_write_parts.h"

#define BLOCKS_OF_ZEROS 128

struct tar_writer {
  struct tar_sink sink;
  uint64_t size;
  int64_t left;   /* of the contents */
  size_t padding; /* behind them */
  struct records records;
};

static const char zeros[BLOCKS_OF_ZEROS * TAR_BLOCK];

static const char types[] = {
    [TAR_FILE] = '0',         [TAR_HARD_LINK] = '1', [TAR_SYMLINK] = '2', [TAR_CHARACTER] = '3',
    [TAR_BLOCK_DEVICE] = '4', [TAR_DIRECTORY] = '5', [TAR_FIFO] = '6',
};

#define TYPE_PAX 'x'
#define PAX_NAME "PaxHeaders/entry" /* for readers that take it for a file */

int tar_write_open(struct tar_sink sink, struct tar_writer **ret_writer, struct failure *why) {
  struct tar_writer *writer = calloc(1, sizeof *writer);

  if (writer == NULL)
    return fail(why, ENOMEM, "write tar");
  writer->sink = sink;
  *ret_writer = writer;
  return 0;
}

static int put(struct tar_writer *writer, const void *bytes, size_t size, struct failure *why) {
  writer->size += size;
  return writer->sink.put(writer->sink.context, bytes, size, why);
}

static int put_zeros(struct tar_writer *writer, int64_t size, struct failure *why) {
  int r = 0;

  while (size > 0 && r == 0) {
    const size_t n = size < (int64_t) sizeof zeros ? (size_t) size : sizeof zeros;

    r = put(writer, zeros, n, why);
    size -= (int64_t) n;
  }
  return r;
}

static size_t padding_of(int64_t size) {
  return (size_t) (-size & (TAR_BLOCK - 1));
}

/* Digits in octal, a NUL behind them; 0 if it does not fit. */
static int put_octal(unsigned char *block, size_t at, size_t size, int64_t number) {
  const unsigned bits = 3 * (unsigned) (size - 1);

  if (number < 0 || number >> bits != 0) {
    memset(block + at, '0', size - 1);
    return 0;
  }
  for (size_t i = size - 1; i-- > 0; number >>= 3)
    block[at + i] = (unsigned char) ('0' + (number & 7));
  return 1;
}

/* A text may fill its field. */
static void put_text(unsigned char *block, size_t at, size_t size, const char *text,
                     size_t length) {
  memcpy(block + at, text, length < size ? length : size);
}

static void put_checksum(unsigned char *block) {
  unsigned sum = 0;

  memset(block + AT_CHECKSUM, ' ', 8);
  for (size_t i = 0; i < TAR_BLOCK; i++)
    sum += block[i];
  (void) put_octal(block, AT_CHECKSUM, 7, sum);
  block[AT_CHECKSUM + 6] = '\0';
}

static void begin_block(unsigned char *block, char type) {
  memset(block, 0, TAR_BLOCK);
  block[AT_TYPE] = (unsigned char) type;
  memcpy(block + AT_MAGIC, "ustar\00000", 8);
}

/* The place of the slash that lets the name fit, prefix before and name behind; 0: there is none.
 */
static size_t split_at(const char *name, size_t length) {
  const size_t most = length - 1 < PREFIX_SIZE ? length - 1 : PREFIX_SIZE;

  if (length <= 1 || length > PREFIX_SIZE + 1 + 100)
    return 0;
  for (size_t at = most; at > 0; at--)
    if (name[at] == '/' && at + 1 < length)
      return length - at - 1 <= 100 ? at : 0;
  return 0;
}

/* A name that is a directory's ends with a slash; what is too long goes to the records. */
static int put_name(struct tar_writer *writer, unsigned char *block, const struct tar_entry *entry,
                    struct failure *why) {
  char name[TAR_NAME_MAX + 2];
  size_t length = strlen(entry->name);
  const int has_slash = length > 0 && entry->name[length - 1] == '/';

  if (length > TAR_NAME_MAX)
    return fail(why, ENAMETOOLONG, "write %.80s…", entry->name);
  memcpy(name, entry->name, length);
  if (entry->type == TAR_DIRECTORY && !has_slash)
    name[length++] = '/';
  const size_t split = length <= 100 ? 0 : split_at(name, length);
  if (split > 0) {
    put_text(block, AT_PREFIX, PREFIX_SIZE, name, split);
    put_text(block, FIELD_NAME, name + split + 1, length - split - 1);
    return 0;
  }
  put_text(block, FIELD_NAME, name, length);
  return length <= 100 ? 0 : records_add(&writer->records, "path", name, length, why);
}

static int put_link(struct tar_writer *writer, unsigned char *block, const struct tar_entry *entry,
                    struct failure *why) {
  const size_t length = strlen(entry->link);

  if (entry->type != TAR_HARD_LINK && entry->type != TAR_SYMLINK)
    return 0;
  if (length > TAR_NAME_MAX)
    return fail(why, ENAMETOOLONG, "write link to %.80s…", entry->link);
  put_text(block, FIELD_LINK, entry->link, length);
  return length <= 100 ? 0 : records_add(&writer->records, "linkpath", entry->link, length, why);
}

static int put_number(struct tar_writer *writer, unsigned char *block, size_t at, size_t size,
                      const char *keyword, int64_t number, struct failure *why) {
  return put_octal(block, at, size, number)
             ? 0
             : records_add_number(&writer->records, keyword, number, why);
}

/* What the header cannot say comes in the order of the keywords. */
static int fill_block(struct tar_writer *writer, unsigned char *block,
                      const struct tar_entry *entry, struct failure *why) {
  const int64_t size = entry->type == TAR_FILE ? entry->size : 0;

  begin_block(block, types[entry->type]);
  (void) put_octal(block, FIELD_MODE, entry->mode & 07777);
  if (records_add_xattrs(&writer->records, entry, why) < 0 ||
      put_number(writer, block, FIELD_GID, "gid", entry->gid, why) < 0 ||
      put_link(writer, block, entry, why) < 0)
    return -why->errnum;
  if (!put_octal(block, FIELD_MTIME, entry->mtime) || entry->mtime_nsec != 0)
    if (records_add_time(&writer->records, "mtime", entry, why) < 0)
      return -why->errnum;
  if (put_name(writer, block, entry, why) < 0 ||
      put_number(writer, block, FIELD_SIZE, "size", size, why) < 0 ||
      put_number(writer, block, FIELD_UID, "uid", entry->uid, why) < 0)
    return -why->errnum;
  if (entry->type == TAR_CHARACTER || entry->type == TAR_BLOCK_DEVICE) {
    (void) put_octal(block, FIELD_DEVICE_MAJOR, entry->device_major);
    (void) put_octal(block, FIELD_DEVICE_MINOR, entry->device_minor);
  }
  put_checksum(block);
  return 0;
}

static int put_records(struct tar_writer *writer, struct failure *why) {
  struct records *records = &writer->records;
  unsigned char block[TAR_BLOCK];

  if (records->size == 0)
    return 0;
  if (records->size > TAR_EXTENDED_MAX)
    return fail(why, EMSGSIZE, "write more than %u bytes about a file", TAR_EXTENDED_MAX);
  begin_block(block, TYPE_PAX);
  put_text(block, FIELD_NAME, PAX_NAME, strlen(PAX_NAME));
  (void) put_octal(block, FIELD_MODE, 0644);
  (void) put_octal(block, FIELD_UID, 0);
  (void) put_octal(block, FIELD_GID, 0);
  (void) put_octal(block, FIELD_SIZE, (int64_t) records->size);
  (void) put_octal(block, FIELD_MTIME, 0);
  put_checksum(block);
  if (put(writer, block, sizeof block, why) < 0 ||
      put(writer, records->bytes, records->size, why) < 0)
    return -why->errnum;
  return put_zeros(writer, (int64_t) padding_of((int64_t) records->size), why);
}

int tar_write_entry(struct tar_writer *writer, const struct tar_entry *entry, struct failure *why) {
  unsigned char block[TAR_BLOCK];
  int r = tar_write_fill(writer, why);

  if (r < 0)
    return r;
  writer->records.size = 0;
  if (fill_block(writer, block, entry, why) < 0 || put_records(writer, why) < 0 ||
      put(writer, block, sizeof block, why) < 0)
    return -why->errnum;
  writer->left = entry->type == TAR_FILE ? entry->size : 0;
  writer->padding = padding_of(writer->left);
  return 0;
}

int tar_write_contents(struct tar_writer *writer, const void *bytes, size_t size,
                       struct failure *why) {
  const size_t n = (int64_t) size < writer->left ? size : (size_t) writer->left;

  writer->left -= (int64_t) n;
  return n == 0 ? 0 : put(writer, bytes, n, why);
}

int64_t tar_write_left(const struct tar_writer *writer) {
  return writer->left;
}

int tar_write_copy(struct tar_writer *writer, int fd, struct failure *why) {
  while (writer->left > 0) {
    const int64_t n = writer->sink.copy(writer->sink.context, fd, writer->left, why);

    if (n < 0)
      return -why->errnum;
    if (n == 0)
      break;
    writer->left -= n;
    writer->size += (uint64_t) n;
  }
  return 0;
}

int tar_write_fill(struct tar_writer *writer, struct failure *why) {
  const int64_t missing = writer->left;
  const int64_t size = missing + (int64_t) writer->padding;

  writer->left = 0;
  writer->padding = 0;
  const int r = put_zeros(writer, size, why);
  return r < 0 ? r : missing > 0;
}

int tar_write_finish(struct tar_writer *writer, struct failure *why) {
  if (tar_write_fill(writer, why) < 0 || put_zeros(writer, 2 * TAR_BLOCK, why) < 0)
    return -why->errnum;
  return writer->sink.flush == NULL ? 0 : writer->sink.flush(writer->sink.context, why);
}

uint64_t tar_write_size(const struct tar_writer *writer) {
  return writer->size;
}

void tar_write_close(struct tar_writer *writer) {
  if (writer == NULL)
    return;
  free(writer->records.bytes);
  free(writer);
}
