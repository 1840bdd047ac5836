/* Mount points that marmita made: they are not what the container wrote. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "upper_parts.h"

/* Of a directory that marmita makes on the way to one (inside_make_directory()). */
#define MADE_MODE (S_IFDIR | 0755)

static int compare(const void *one, const void *other) {
  return strcmp(*(char *const *) one, *(char *const *) other);
}

int upper_skip_take(struct upper *upper, char *const skip[], struct failure *why) {
  char path[PATH_MAX];
  size_t count = 0;

  while (skip != NULL && skip[count] != NULL)
    count++;
  upper->skip = calloc(count + 1, sizeof *upper->skip);
  if (upper->skip == NULL)
    return fail(why, ENOMEM, "take the mount points");
  for (size_t i = 0; i < count; i++) {
    /* What leads nowhere was no mount point, either. */
    if (upper_resolve(upper, skip[i], path) < 0)
      continue;
    upper->skip[upper->skip_count] = strdup(path);
    if (upper->skip[upper->skip_count++] == NULL)
      return fail(why, ENOMEM, "take the mount points");
  }
  qsort(upper->skip, upper->skip_count, sizeof *upper->skip, compare);
  return 0;
}

bool upper_skips(const struct upper *upper, const char *path) {
  return upper->skip_count > 0 &&
         bsearch(&path, upper->skip, upper->skip_count, sizeof *upper->skip, compare) != NULL;
}

static bool leads_to_one(const struct upper *upper, const char *path) {
  const size_t size = strlen(path);

  for (size_t i = 0; i < upper->skip_count; i++)
    if (strncmp(upper->skip[i], path, size) == 0 && upper->skip[i][size] == '/')
      return true;
  return false;
}

static bool is_made(const struct stat *st) {
  return st->st_mode == MADE_MODE && st->st_uid == geteuid() && st->st_gid == getegid();
}

/* 1 where that cannot be told. */
static int is_opaque(const struct upper *upper) {
  const struct upper_entry *entry = &upper->entry;
  struct stat st;
  autoclose int fd =
      openat(entry->parent, entry->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  if (fd < 0 || upper_is_opaque(fd, upper->form))
    return 1;
  return upper->form == UPPER_FUSE && fstatat(fd, ".wh..wh..opq", &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int upper_may_be_for_mounts(struct upper *upper, struct failure *why) {
  const struct upper_entry *entry = &upper->entry;

  if (entry->kind != UPPER_ENTRY || !S_ISDIR(entry->st.st_mode) ||
      !leads_to_one(upper, entry->path))
    return 0;
  if (!entry->is_below)
    return is_made(&entry->st);
  if (is_opaque(upper))
    return 0;
  const int r = upper_differs(upper, why);
  return r < 0 ? r : !r;
}
