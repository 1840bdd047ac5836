/* Records of pax extended headers, written: "<length> <keyword>=<value>\n" */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tar_write_parts.h"

#define XATTR_PREFIX "SCHILY.xattr."
#define NUMBER_SIZE 24

static int make_room(struct records *records, size_t size, struct failure *why) {
  if (records->room - records->size >= size)
    return 0;
  const size_t room = 2 * records->room + size;
  char *grown = realloc(records->bytes, room);
  if (grown == NULL)
    return fail(why, ENOMEM, "write tar");
  records->bytes = grown;
  records->room = room;
  return 0;
}

static size_t digits_of(size_t number) {
  size_t digits = 1;

  while (number >= 10) {
    number /= 10;
    digits++;
  }
  return digits;
}

/* The length counts its own digits. */
static size_t length_of(size_t rest) {
  size_t length = rest + digits_of(rest);

  if (digits_of(length) > digits_of(rest))
    length++;
  return length;
}

int records_add(struct records *records, const char *keyword, const void *value, size_t size,
                struct failure *why) {
  const size_t length = length_of(strlen(keyword) + size + 3);

  if (size > TAR_EXTENDED_MAX)
    return fail(why, EMSGSIZE, "write %.60s of %zu bytes", keyword, size);
  if (make_room(records, length + 1, why) < 0)
    return -why->errnum;
  char *to = records->bytes + records->size;
  const int head = snprintf(to, length + 1, "%zu %s=", length, keyword);
  memcpy(to + head, value, size);
  to[length - 1] = '\n';
  records->size += length;
  return 0;
}

int records_add_number(struct records *records, const char *keyword, int64_t number,
                       struct failure *why) {
  char text[NUMBER_SIZE];
  const int n = snprintf(text, sizeof text, "%lld", (long long) number);

  return records_add(records, keyword, text, (size_t) n, why);
}

/* The fraction counts on from the second before: half a second before 1970 is -1 and 500000000,
 * which is written "-0.5". */
int records_add_time(struct records *records, const char *keyword, const struct tar_entry *entry,
                     struct failure *why) {
  char text[NUMBER_SIZE + 12];
  const int is_negative = entry->mtime < 0 && entry->mtime_nsec != 0;
  const int64_t whole = is_negative ? entry->mtime + 1 : entry->mtime;
  const unsigned fraction = is_negative ? 1000000000u - entry->mtime_nsec : entry->mtime_nsec;
  const char *sign = is_negative && whole == 0 ? "-" : "";

  int n = snprintf(text, sizeof text, "%s%lld", sign, (long long) whole);
  if (fraction != 0)
    n += snprintf(text + n, sizeof text - (size_t) n, ".%09u", fraction);
  while (fraction != 0 && text[n - 1] == '0')
    n--;
  return records_add(records, keyword, text, (size_t) n, why);
}

static int by_name(const void *left, const void *right) {
  return strcmp(((const struct tar_xattr *) left)->name, ((const struct tar_xattr *) right)->name);
}

int records_add_xattrs(struct records *records, const struct tar_entry *entry,
                       struct failure *why) {
  struct tar_xattr sorted[TAR_XATTRS_MAX];
  char keyword[sizeof XATTR_PREFIX + 256];

  if (entry->xattr_count > TAR_XATTRS_MAX)
    return fail(why, EMSGSIZE, "write %zu attributes of one file", entry->xattr_count);
  if (entry->xattr_count > 0)
    memcpy(sorted, entry->xattrs, entry->xattr_count * sizeof *sorted);
  qsort(sorted, entry->xattr_count, sizeof *sorted, by_name);
  for (size_t i = 0; i < entry->xattr_count; i++) {
    const int n = snprintf(keyword, sizeof keyword, XATTR_PREFIX "%s", sorted[i].name);

    /* There it would end the name, and begin the value. */
    if (strchr(sorted[i].name, '=') != NULL)
      return fail(why, EOPNOTSUPP, "write attribute %.60s: no tar has = in such a name",
                  sorted[i].name);
    if ((size_t) n >= sizeof keyword)
      return fail(why, EMSGSIZE, "write attribute %.60s…", sorted[i].name);
    if (records_add(records, keyword, sorted[i].value, sorted[i].size, why) < 0)
      return -why->errnum;
  }
  return 0;
}
