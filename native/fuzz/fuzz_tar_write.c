/* fuzz_tar_write.c — any entry is written, read, and the same: or refused.
 *
 * The input is the entry's numbers, then its name, its link and an attribute's name and value, each
 * ended by a NUL. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../core/tar_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct archive {
  unsigned char *bytes;
  size_t size;
  size_t used;
};

struct numbers {
  uint8_t type;
  uint8_t mode[2];
  uint8_t nsec[4];
  int64_t uid, gid, mtime;
} __attribute__((packed));

static int put(void *context, const void *bytes, size_t size, struct failure *why) {
  struct archive *archive = context;
  unsigned char *grown = realloc(archive->bytes, archive->size + size);

  (void) why;
  assert(grown != NULL);
  memcpy(grown + archive->size, bytes, size);
  archive->bytes = grown;
  archive->size += size;
  return 0;
}

static int next_piece(void *context, const unsigned char **ret_bytes, struct failure *why) {
  struct archive *archive = context;
  const size_t n = archive->size - archive->used;

  (void) why;
  *ret_bytes = archive->bytes;
  archive->used = archive->size;
  return (int) n;
}

static void check(const struct tar_entry *read, const struct tar_entry *entry) {
  const size_t length = strlen(entry->name);
  const int is_directory = entry->type == TAR_DIRECTORY && entry->name[length - 1] != '/';

  assert(read->type == entry->type && read->mode == entry->mode);
  assert(read->uid == entry->uid && read->gid == entry->gid);
  assert(read->mtime == entry->mtime && read->mtime_nsec == entry->mtime_nsec);
  assert(strncmp(read->name, entry->name, length) == 0);
  assert(strcmp(read->name + length, is_directory ? "/" : "") == 0);
  if (entry->type == TAR_SYMLINK || entry->type == TAR_HARD_LINK)
    assert(strcmp(read->link, entry->link) == 0);
  assert(read->xattr_count == entry->xattr_count);
  for (size_t i = 0; i < read->xattr_count; i++) {
    assert(strcmp(read->xattrs[i].name, entry->xattrs[i].name) == 0);
    assert(read->xattrs[i].size == entry->xattrs[i].size);
    assert(memcmp(read->xattrs[i].value, entry->xattrs[i].value, read->xattrs[i].size) == 0);
  }
}

static void read_again(struct archive *archive, const struct tar_entry *entry) {
  const struct tar_entry *read = NULL;
  struct failure why = {0};
  struct tar *tar = NULL;

  assert(tar_open((struct tar_source){next_piece, archive}, &tar, &why) == 0);
  assert(tar_next(tar, &read, &why) == 1);
  check(read, entry);
  assert(tar_next(tar, &read, &why) == 0);
  tar_close(tar);
}

/* The next text of the input, which ends with a NUL; empty when there is none. */
static const char *take(const char **text, const char *end) {
  const char *taken = *text;

  *text = taken + strlen(taken) + (taken + strlen(taken) < end);
  return taken;
}

static void go_through(const struct tar_entry *entry) {
  struct archive archive = {0};
  struct tar_writer *writer = NULL;
  struct failure why = {0};

  assert(tar_write_open((struct tar_sink){.put = put, .context = &archive}, &writer, &why) == 0);
  const int r = tar_write_entry(writer, entry, &why);
  if (r == 0) {
    assert(tar_write_finish(writer, &why) >= 0);
    assert(archive.size % TAR_BLOCK == 0 && archive.size == tar_write_size(writer));
    read_again(&archive, entry);
  } else {
    assert(r == -ENAMETOOLONG || r == -EMSGSIZE);
  }
  tar_write_close(writer);
  free(archive.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct numbers numbers;
  uint32_t nsec;

  if (size < sizeof numbers)
    return 0;
  memcpy(&numbers, data, sizeof numbers);
  memcpy(&nsec, numbers.nsec, sizeof nsec);
  const size_t length = size - sizeof numbers;
  char *texts = malloc(length + 1);
  assert(texts != NULL);
  memcpy(texts, data + sizeof numbers, length);
  texts[length] = '\0';
  const char *at = texts;
  const char *end = texts + length;

  struct tar_entry entry = {
      .type = numbers.type % (TAR_FIFO + 1),
      .name = take(&at, end),
      .link = take(&at, end),
      .mode = (unsigned) (numbers.mode[0] | numbers.mode[1] << 8) & 07777,
      .uid = numbers.uid & INT64_MAX,
      .gid = numbers.gid & INT64_MAX,
      .mtime = numbers.mtime / 2,
      .mtime_nsec = nsec % 1000000000,
  };
  const char *name = take(&at, end);
  const struct tar_xattr xattr = {name, at, (size_t) (end - at)};
  entry.xattrs = &xattr;
  entry.xattr_count = name[0] != '\0' && strchr(name, '=') == NULL;
  const size_t name_length = strlen(entry.name);
  const int has_slash = name_length > 0 && entry.name[name_length - 1] == '/';
  /* Readers take what ends with a slash for a directory, as it was before there were types. */
  if (name_length > 0 && (!has_slash || entry.type == TAR_DIRECTORY))
    go_through(&entry);
  free(texts);
  return 0;
}
