#include "tar_pending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static char *put(char **to, const void *bytes, size_t size) {
  char *at = *to;

  if (size > 0)
    memcpy(at, bytes, size);
  *to = at + size;
  return at;
}

/* All in one piece of memory. */
static struct tar_entry *copy(const struct tar_entry *entry) {
  const size_t name_size = strlen(entry->name) + 1;
  size_t size = sizeof *entry + entry->xattr_count * sizeof *entry->xattrs + name_size;

  for (size_t i = 0; i < entry->xattr_count; i++)
    size += strlen(entry->xattrs[i].name) + 1 + entry->xattrs[i].size;
  struct tar_entry *copied = malloc(size);
  if (copied == NULL)
    return NULL;
  *copied = *entry;
  struct tar_xattr *xattrs = (struct tar_xattr *) (copied + 1);
  char *to = (char *) (xattrs + entry->xattr_count);
  copied->name = put(&to, entry->name, name_size);
  copied->link = "";
  copied->xattrs = xattrs;
  for (size_t i = 0; i < entry->xattr_count; i++) {
    const struct tar_xattr *from = &entry->xattrs[i];

    xattrs[i].name = put(&to, from->name, strlen(from->name) + 1);
    xattrs[i].value = put(&to, from->value, from->size);
    xattrs[i].size = from->size;
  }
  return copied;
}

static int is_in(const struct tar_entry *directory, const char *name) {
  const size_t length = strlen(directory->name);

  return strncmp(directory->name, name, length) == 0 && name[length] == '/';
}

static void drop(struct tar_pending *pending, size_t count) {
  while (pending->count > count)
    free(pending->entries[--pending->count]);
}

static size_t count_around(const struct tar_pending *pending, const char *name) {
  size_t count = 0;

  while (count < pending->count && is_in(pending->entries[count], name))
    count++;
  return count;
}

int tar_pending_add(struct tar_pending *pending, const struct tar_entry *entry,
                    struct failure *why) {
  drop(pending, count_around(pending, entry->name));
  if (pending->count == pending->room) {
    const size_t room = 2 * pending->room + 16;
    struct tar_entry **grown = realloc(pending->entries, room * sizeof *grown);

    if (grown == NULL)
      return fail(why, ENOMEM, "remember directory");
    pending->entries = grown;
    pending->room = room;
  }
  struct tar_entry *copied = copy(entry);
  if (copied == NULL)
    return fail(why, ENOMEM, "remember directory");
  pending->entries[pending->count++] = copied;
  return 0;
}

int tar_pending_write(struct tar_pending *pending, const char *name, struct tar_writer *tar,
                      struct failure *why) {
  drop(pending, count_around(pending, name));
  const int written = (int) pending->count;
  for (size_t i = 0; i < pending->count; i++)
    if (tar_write_entry(tar, pending->entries[i], why) < 0)
      return -why->errnum;
  drop(pending, 0);
  return written;
}

void tar_pending_end(struct tar_pending *pending) {
  drop(pending, 0);
  free(pending->entries);
}
