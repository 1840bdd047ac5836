#include "owners.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "fd.h"

#define TABLE_MAX ((size_t) 256 << 20)

struct row {
  const char *path;
  struct owner owner;
};

struct table {
  char *bytes;
  struct row *rows; /* by path, the last written of one path first */
  size_t count;
};

struct owners {
  size_t count;
  struct table tables[];
};

static int by_path(const void *left, const void *right) {
  const struct row *one = left;
  const struct row *other = right;
  const int order = strcmp(one->path, other->path);

  if (order != 0)
    return order;
  /* Both are in the same bytes: what comes later there counts. */
  return one->path > other->path ? -1 : one->path < other->path;
}

static int parse_row(char *text, struct row *row) {
  char *end = text;

  row->owner.uid = strtoll(end, &end, 10);
  if (*end != ':')
    return 0;
  row->owner.gid = strtoll(end + 1, &end, 10);
  if (*end != ':')
    return 0;
  row->owner.mode = (unsigned) strtoul(end + 1, &end, 8) & 07777;
  row->path = end + 1;
  return *end == ':' && row->owner.uid >= 0 && row->owner.gid >= 0;
}

static int parse(struct table *table, size_t size, const char *name, struct failure *why) {
  size_t rows = 0;

  for (size_t at = 0; at < size; at++)
    rows += table->bytes[at] == '\0';
  table->rows = calloc(rows + 1, sizeof *table->rows);
  if (table->rows == NULL)
    return fail(why, ENOMEM, "read %s", name);
  for (char *text = table->bytes; text < table->bytes + size; text += strlen(text) + 1)
    if (text + strlen(text) == table->bytes + size ||
        !parse_row(text, &table->rows[table->count++]))
      return fail(why, EBADMSG, "read %s: no table of owners", name);
  qsort(table->rows, table->count, sizeof *table->rows, by_path);
  return 0;
}

static int read_table(struct table *table, const char *name, struct failure *why) {
  size_t size = 0;

  if (name[0] == '\0')
    return 0;
  if (fd_read_file(AT_FDCWD, name, TABLE_MAX, &table->bytes, &size, why) < 0)
    return -why->errnum;
  return parse(table, size, name, why);
}

int owners_open(char *const tables[], struct owners **ret_owners, struct failure *why) {
  size_t count = 0;

  while (tables[count] != NULL)
    count++;
  struct owners *owners = calloc(1, sizeof *owners + count * sizeof *owners->tables);
  if (owners == NULL)
    return fail(why, ENOMEM, "read tables of owners");
  owners->count = count;
  for (size_t i = 0; i < count; i++)
    if (read_table(&owners->tables[i], tables[i], why) < 0) {
      owners_close(owners);
      return -why->errnum;
    }
  *ret_owners = owners;
  return 0;
}

int owners_find(const struct owners *owners, size_t layer, const char *path,
                struct owner *ret_owner) {
  if (layer >= owners->count)
    return 0;
  const struct table *table = &owners->tables[layer];
  size_t low = 0;
  size_t high = table->count;

  while (low < high) {
    const size_t middle = low + (high - low) / 2;

    if (strcmp(table->rows[middle].path, path) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == table->count || strcmp(table->rows[low].path, path) != 0)
    return 0;
  *ret_owner = table->rows[low].owner;
  return 1;
}

int owners_restore(const struct owner *owner, const struct stat *st, const struct stat *below,
                   struct owner *ret_owner) {
  if (st->st_uid != below->st_uid || st->st_gid != below->st_gid)
    return 0;
  *ret_owner = *owner;
  /* The table has the set-id bits, too, which the file was not given. */
  if ((st->st_mode & 07777) != (below->st_mode & 07777))
    ret_owner->mode = st->st_mode & 07777;
  return 1;
}

void owners_give(const struct owner *owner, struct tar_entry *entry) {
  entry->uid = owner->uid;
  entry->gid = owner->gid;
  entry->mode = owner->mode;
}

void owners_close(struct owners *owners) {
  if (owners == NULL)
    return;
  for (size_t i = 0; i < owners->count; i++) {
    free(owners->tables[i].bytes);
    free(owners->tables[i].rows);
  }
  free(owners);
}
