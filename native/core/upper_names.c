/* The names in a directory, sorted, and what they stand for. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "upper_parts.h"

/* fuse-overlayfs: its main.c, get_whiteout_name() and is_directory_opaque(). */
#define PREFIX ".wh."
#define META ".wh..wh."
#define OPAQUE ".wh..wh..opq"

/* Texts one behind the other, each with a byte in front that says whether it is gone. */
struct gathering {
  char *bytes;
  size_t used, room;
  size_t count;
};

static int gather(struct gathering *names, bool is_gone, const char *text, struct failure *why) {
  const size_t size = strlen(text) + 1;

  if (names->room - names->used < size + 1) {
    const size_t room = 2 * names->room + size + 4096;
    char *grown = realloc(names->bytes, room);

    if (grown == NULL)
      return fail(why, ENOMEM, "read directory");
    names->bytes = grown;
    names->room = room;
  }
  names->bytes[names->used++] = is_gone ? '-' : '+';
  memcpy(names->bytes + names->used, text, size);
  names->used += size;
  names->count++;
  return 0;
}

/* Of one name what is gone comes first: it is what counts. */
static int compare(const void *one, const void *other) {
  const struct upper_name *a = one;
  const struct upper_name *b = other;
  const int order = strcmp(a->text, b->text);

  return order != 0 ? order : (int) b->is_gone - (int) a->is_gone;
}

/* Takes over the bytes. */
static int sort(struct gathering *gathered, struct upper_names *names, struct failure *why) {
  const char *at = gathered->bytes;
  size_t kept = 0;

  free(names->bytes);
  names->bytes = gathered->bytes;
  gathered->bytes = NULL;
  struct upper_name *all = realloc(names->all, (gathered->count + 1) * sizeof *all);
  if (all == NULL)
    return fail(why, ENOMEM, "read directory");
  names->all = all;
  for (size_t i = 0; i < gathered->count; i++) {
    all[i] = (struct upper_name){at + 1, *at == '-'};
    at += strlen(at) + 1;
  }
  qsort(all, gathered->count, sizeof *all, compare);
  for (size_t i = 0; i < gathered->count; i++)
    if (kept == 0 || strcmp(all[kept - 1].text, all[i].text) != 0)
      all[kept++] = all[i];
  names->count = kept;
  return 0;
}

static int gather_entry(struct gathering *names, const char *name, enum upper_form form,
                        bool *is_opaque, struct failure *why) {
  if (form == UPPER_KERNEL || strncmp(name, PREFIX, strlen(PREFIX)) != 0)
    return gather(names, false, name, why);
  *is_opaque |= strcmp(name, OPAQUE) == 0;
  const char *hidden = name + strlen(PREFIX);
  const bool is_name = strncmp(name, META, strlen(META)) != 0 && hidden[0] != '\0' &&
                       strcmp(hidden, ".") != 0 && strcmp(hidden, "..") != 0;
  return is_name ? gather(names, true, hidden, why) : 0;
}

static int read_all(DIR *dir, enum upper_form form, struct gathering *names, bool *is_opaque,
                    struct failure *why) {
  for (;;) {
    errno = 0;
    const struct dirent *entry = readdir(dir);

    /* ENOENT: it was removed meanwhile. */
    if (entry == NULL)
      return errno == 0 || errno == ENOENT ? 0 : fail(why, errno, "read directory");
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
        gather_entry(names, entry->d_name, form, is_opaque, why) < 0)
      return -why->errnum;
  }
}

static int gather_from(int directory, enum upper_form form, struct gathering *names,
                       bool *is_opaque, struct failure *why) {
  autoclose int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = fd < 0 ? NULL : fdopendir(fd);

  if (dir == NULL)
    return fd < 0 && errno == ENOENT ? 0 : fail(why, errno, "read directory");
  (void) steal_fd(&fd);
  const int r = read_all(dir, form, names, is_opaque, why);
  (void) closedir(dir);
  return r;
}

int upper_names_read(int directory, enum upper_form form, struct upper_names *ret_names,
                     struct failure *why) {
  struct gathering names = {0};
  bool is_opaque = false;
  int r = gather_from(directory, form, &names, &is_opaque, why);

  if (r == 0)
    r = sort(&names, ret_names, why);
  free(names.bytes);
  ret_names->is_opaque = is_opaque;
  return r;
}

static bool has(const struct upper_names *names, const char *text) {
  const struct upper_name key = {text, false};
  size_t low = 0;
  size_t high = names->count;

  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    const int order = strcmp(names->all[middle].text, key.text);

    if (order == 0)
      return true;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return false;
}

/* Whether a name is shown at all, and not hidden by another layer, is looked up as of all names. */
int upper_names_add_gone(struct upper *upper, struct upper_names *names, struct failure *why) {
  struct gathering missing = {0};
  struct upper_names lower = {0};
  int r = upper_open_lowers(upper, why);

  for (size_t i = 0; r == 0 && i < upper->below_count; i++) {
    r = upper_names_read(upper->below[i], UPPER_KERNEL, &lower, why);
    if (r == -EACCES) /* of image `host`: to the container, too */
      r = 0;
    for (size_t at = 0; r == 0 && at < lower.count; at++)
      if (!has(names, lower.all[at].text))
        r = gather(&missing, true, lower.all[at].text, why);
  }
  for (size_t i = 0; r == 0 && missing.count > 0 && i < names->count; i++)
    r = gather(&missing, names->all[i].is_gone, names->all[i].text, why);
  if (r == 0 && missing.count > 0)
    r = sort(&missing, names, why);
  free(missing.bytes);
  upper_names_free(&lower);
  return r;
}

void upper_names_free(struct upper_names *names) {
  free(names->all);
  free(names->bytes);
  *names = (struct upper_names){0};
}
