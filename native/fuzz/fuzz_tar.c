/* fuzz_tar.c — the tar reader on any bytes, in pieces of any length: it refuses, or what it
 * hands out keeps the promises of tar.h.
 *
 * The first byte is the length of the pieces. The mutator puts the checksums of headers right
 * again, without which hardly any input would get further than that. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/tar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

struct pieces {
  const uint8_t *bytes;
  size_t left;
  size_t length;
};

static int next_piece(void *context, const unsigned char **ret_bytes, struct failure *why) {
  struct pieces *pieces = context;
  const size_t n = pieces->left < pieces->length ? pieces->left : pieces->length;

  (void) why;
  *ret_bytes = pieces->bytes;
  pieces->bytes += n;
  pieces->left -= n;
  return (int) n;
}

static void check_entry(const struct tar_entry *entry) {
  assert(strlen(entry->name) <= TAR_NAME_MAX);
  assert(strlen(entry->link) <= TAR_NAME_MAX);
  assert(entry->mode <= 07777);
  assert(entry->size >= 0);
  assert(entry->mtime_nsec < 1000000000);
  assert(entry->xattr_count <= TAR_XATTRS_MAX);
  for (size_t i = 0; i < entry->xattr_count; i++) {
    assert(strlen(entry->xattrs[i].name) > 0);
    assert(((const char *) entry->xattrs[i].value)[entry->xattrs[i].size] == '\0');
  }
}

static int read_contents(struct tar *tar, const struct tar_entry *entry, struct failure *why) {
  const unsigned char *bytes;
  int64_t offset;
  int64_t end = 0;
  unsigned sum = 0;
  int n;

  while ((n = tar_read(tar, &bytes, &offset, why)) > 0) {
    assert(offset >= end);
    end = offset + n;
    assert(end <= entry->size);
    for (int i = 0; i < n; i++)
      sum += bytes[i];
  }
  (void) sum;
  return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct pieces pieces = {data + 1, size - 1, 0};
  const struct tar_entry *entry;
  struct failure why = {0};
  struct tar *tar;
  int r;

  if (size == 0)
    return 0;
  pieces.length = 1 + (size_t) data[0] * 7;
  if (tar_open((struct tar_source){next_piece, &pieces}, &tar, &why) < 0)
    return 0;
  for (unsigned entries = 0; (r = tar_next(tar, &entry, &why)) > 0; entries++) {
    check_entry(entry);
    if (entries % 3 != 2) /* some are skipped */
      r = read_contents(tar, entry, &why);
    if (r < 0)
      break;
  }
  if (r < 0)
    assert(why.errnum == -r && why.what[0] != '\0');
  tar_close(tar);
  return 0;
}

static void put_checksum_right(uint8_t *block) {
  unsigned sum = 8 * ' ';
  char text[8];

  for (size_t i = 0; i < TAR_BLOCK; i++)
    sum += i < 148 || i >= 156 ? block[i] : 0;
  snprintf(text, sizeof text, "%06o", sum);
  memcpy(block + 148, text, 7);
  block[155] = ' ';
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
  (void) seed;
  size = LLVMFuzzerMutate(data, size, max_size);
  for (size_t at = 1; at + TAR_BLOCK <= size; at += TAR_BLOCK)
    if (data[at + 155] == ' ' || memcmp(data + at + 257, "ustar", 5) == 0)
      put_checksum_right(data + at);
  return size;
}
