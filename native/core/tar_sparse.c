/* Maps of sparse files: where in the file the bytes in the archive belong. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tar_parts.h"

#define GNU_ENTRY_BYTES 24

int sparse_add(struct sparse *sparse, int64_t offset, int64_t size, struct failure *why) {
  if (sparse->count == TAR_EXTENTS_MAX)
    return fail(why, EBADMSG, "more than %u extents of a sparse file", TAR_EXTENTS_MAX);
  if (sparse->count == sparse->room) {
    const size_t room = sparse->room == 0 ? 64 : 2 * sparse->room;
    struct extent *extents = realloc(sparse->extents, room * sizeof *extents);

    if (extents == NULL)
      return fail(why, ENOMEM, "map of a sparse file");
    sparse->extents = extents;
    sparse->room = room;
  }
  sparse->extents[sparse->count++] = (struct extent){offset, size};
  return 0;
}

int sparse_add_list(struct sparse *sparse, const char *list, struct failure *why) {
  int64_t numbers[2];
  int is_size = 0;

  while (*list != '\0') {
    const char *end = list + strcspn(list, ",");

    if (field_decimal(list, end, &numbers[is_size]) < 0)
      return fail(why, EBADMSG, "malformed map of a sparse file");
    if (is_size && sparse_add(sparse, numbers[0], numbers[1], why) < 0)
      return -why->errnum;
    is_size = !is_size;
    list = *end == ',' ? end + 1 : end;
  }
  return is_size ? fail(why, EBADMSG, "malformed map of a sparse file") : 0;
}

/* The entries of a header (4 of them, at 386) or of a block behind it (21). */
static int add_gnu(struct sparse *sparse, const unsigned char *entries, size_t count,
                   struct failure *why) {
  for (size_t i = 0; i < count; i++, entries += GNU_ENTRY_BYTES) {
    int64_t offset;
    int64_t size;

    if (entries[0] == '\0') /* unused, and so are those behind it */
      return 0;
    if (field_number(entries, 0, 12, &offset) < 0 || field_number(entries, 12, 12, &size) < 0)
      return fail(why, EBADMSG, "malformed map of a sparse file");
    if (sparse_add(sparse, offset, size, why) < 0)
      return -why->errnum;
  }
  return 0;
}

int sparse_read_gnu(struct sparse *sparse, struct input *input, unsigned char *block,
                    int64_t *ret_real_size, struct failure *why) {
  int is_extended = block[482] != 0;

  sparse->count = 0;
  if (field_number(block, 483, 12, ret_real_size) < 0)
    return input_fail(input, "malformed size of a sparse file", why);
  if (add_gnu(sparse, block + 386, 4, why) < 0)
    return input_fail_while(input, why);
  while (is_extended) {
    if (input_take_all(input, block, TAR_BLOCK, why) < 0)
      return -why->errnum;
    if (add_gnu(sparse, block, 21, why) < 0)
      return input_fail_while(input, why);
    is_extended = block[504] != 0;
  }
  return 0;
}

/* Lines of digits, in blocks that are read as they are needed. */
struct lines {
  struct input *input;
  int64_t *stored;
  size_t at;
  unsigned char block[TAR_BLOCK];
};

static int read_line(struct lines *lines, int64_t *ret_number, struct failure *why) {
  char digits[24];
  size_t used = 0;

  for (;;) {
    if (lines->at == TAR_BLOCK) {
      if (*lines->stored < TAR_BLOCK)
        return input_fail(lines->input, "truncated map of a sparse file", why);
      if (input_take_all(lines->input, lines->block, TAR_BLOCK, why) < 0)
        return -why->errnum;
      *lines->stored -= TAR_BLOCK;
      lines->at = 0;
    }
    const char c = (char) lines->block[lines->at++];
    if (c == '\n')
      break;
    if (used == sizeof digits)
      return input_fail(lines->input, "malformed map of a sparse file", why);
    digits[used++] = c;
  }
  if (field_decimal(digits, digits + used, ret_number) < 0 || *ret_number < 0)
    return input_fail(lines->input, "malformed map of a sparse file", why);
  return 0;
}

int sparse_read_map(struct sparse *sparse, struct input *input, int64_t *stored,
                    struct failure *why) {
  struct lines lines = {.input = input, .stored = stored, .at = TAR_BLOCK};
  int64_t count = 0;

  sparse->count = 0;
  if (read_line(&lines, &count, why) < 0)
    return -why->errnum;
  for (int64_t i = 0; i < count; i++) {
    int64_t offset = 0;
    int64_t size = 0;

    if (read_line(&lines, &offset, why) < 0 || read_line(&lines, &size, why) < 0)
      return -why->errnum;
    if (sparse_add(sparse, offset, size, why) < 0)
      return input_fail_while(input, why);
  }
  return 0;
}

int sparse_check(const struct sparse *sparse, int64_t real_size, int64_t stored,
                 struct failure *why) {
  int64_t end = 0;
  int64_t sum = 0;

  for (size_t i = 0; i < sparse->count; i++) {
    const struct extent *extent = &sparse->extents[i];

    if (extent->offset < end || extent->size < 0 || extent->size > INT64_MAX - extent->offset)
      return fail(why, EBADMSG, "map of a sparse file out of order");
    end = extent->offset + extent->size;
    sum += extent->size; /* cannot overflow: the extents do not overlap */
  }
  if (end > real_size || sum != stored)
    return fail(why, EBADMSG, "map of a sparse file of another size");
  return 0;
}
