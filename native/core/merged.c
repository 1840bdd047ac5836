/* Theory of operation. A layer is a number: 0 is the writable one, 1 the nearest below. Of each
 * directory to come, its path is remembered and the layers that have part in it; when its turn
 * comes they are opened there, up to one that is opaque, their names are read and sorted, and of
 * each name the nearest layer counts. So nothing stays open on the way down. */
#include "merged.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"
#include "upper_parts.h"

#define LAYERS_MAX (UPPER_LOWERS_MAX + 1)

struct directory {
  char *path;
  uint16_t *layers;
  size_t count;
};

/* One layer's part in the directory that is read. */
struct part {
  int fd;
  uint16_t layer;
  struct upper_names names;
};

struct name {
  const char *text;
  uint16_t part;
  bool is_gone;
};

struct directories {
  struct directory *all;
  size_t count, room;
};

struct merged {
  struct upper *upper;        /* for what it knows of the layers */
  struct directories waiting; /* the next one last */
  struct directories found;   /* in the directory that is read */
  struct part parts[LAYERS_MAX];
  size_t part_count;
  struct name *names;
  size_t name_count, next;
  char directory[PATH_MAX];
  char path[PATH_MAX];
  bool has_begun;
  struct upper_links links;
  struct merged_entry entry;
};

static int root_of(const struct merged *merged, size_t layer) {
  return layer == 0 ? merged->upper->root : merged->upper->lowers[layer - 1];
}

static enum upper_form form_of(const struct merged *merged, size_t layer) {
  return layer == 0 ? merged->upper->form : UPPER_KERNEL;
}

static void forget(struct directories *directories) {
  for (size_t i = 0; i < directories->count; i++) {
    free(directories->all[i].path);
    free(directories->all[i].layers);
  }
  directories->count = 0;
}

/* Its layers follow by add_layer(). */
static int add_directory(struct directories *directories, const char *path, size_t layers,
                         struct failure *why) {
  if (directories->count == directories->room) {
    const size_t room = 2 * directories->room + 64;
    struct directory *grown = realloc(directories->all, room * sizeof *grown);

    if (grown == NULL)
      return fail(why, ENOMEM, "remember directory");
    directories->all = grown;
    directories->room = room;
  }
  struct directory *directory = &directories->all[directories->count];
  *directory = (struct directory){.path = strdup(path), .layers = calloc(layers, sizeof(uint16_t))};
  directories->count++;
  return directory->path == NULL || directory->layers == NULL
             ? fail(why, ENOMEM, "remember directory")
             : 0;
}

static void add_layer(struct directories *directories, size_t layer) {
  struct directory *directory = &directories->all[directories->count - 1];

  directory->layers[directory->count++] = (uint16_t) layer;
}

int merged_open(const struct upper_places *places, struct merged **ret_merged,
                struct failure *why) {
  struct merged *merged = calloc(1, sizeof *merged);

  if (merged == NULL)
    return fail(why, ENOMEM, "read layers");
  if (upper_open(places, &merged->upper, why) < 0 ||
      add_directory(&merged->waiting, "", merged->upper->lower_count + 1, why) < 0) {
    merged_close(merged);
    return -why->errnum;
  }
  for (size_t i = 0; i <= merged->upper->lower_count; i++)
    add_layer(&merged->waiting, i);
  *ret_merged = merged;
  return 0;
}

static void close_parts(struct merged *merged) {
  for (size_t i = 0; i < merged->part_count; i++) {
    (void) close(merged->parts[i].fd);
    upper_names_free(&merged->parts[i].names);
  }
  free(merged->names);
  merged->names = NULL;
  merged->part_count = merged->name_count = merged->next = 0;
}

void merged_close(struct merged *merged) {
  if (merged == NULL)
    return;
  close_parts(merged);
  forget(&merged->waiting);
  forget(&merged->found);
  free(merged->waiting.all);
  free(merged->found.all);
  upper_links_free(&merged->links);
  upper_close(merged->upper);
  free(merged);
}

/* A directory */

/* 1: it is opaque; 0: those below have part in it, too. */
static int open_part(struct merged *merged, size_t layer, const char *path, struct failure *why) {
  const int fd = fd_open_inside(root_of(merged, layer), path, O_RDONLY | O_DIRECTORY);

  if (fd < 0)
    return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
               ? 0
               : fail(why, errno, "open directory %.200s", path);
  struct part *part = &merged->parts[merged->part_count++];
  *part = (struct part){.fd = fd, .layer = (uint16_t) layer};
  if (upper_names_read(fd, form_of(merged, layer), &part->names, why) < 0)
    return fail_while(why, "%.60s", path);
  return part->names.is_opaque || upper_is_opaque(fd, form_of(merged, layer));
}

static int compare(const void *one, const void *other) {
  const struct name *a = one;
  const struct name *b = other;
  const int order = strcmp(a->text, b->text);

  return order != 0 ? order : (int) a->part - (int) b->part;
}

static int gather_names(struct merged *merged, struct failure *why) {
  size_t count = 0;

  for (size_t i = 0; i < merged->part_count; i++)
    count += merged->parts[i].names.count;
  merged->names = calloc(count + 1, sizeof *merged->names);
  if (merged->names == NULL)
    return fail(why, ENOMEM, "read directory");
  for (size_t i = 0; i < merged->part_count; i++)
    for (size_t at = 0; at < merged->parts[i].names.count; at++) {
      const struct upper_name *name = &merged->parts[i].names.all[at];

      merged->names[merged->name_count++] = (struct name){name->text, (uint16_t) i, name->is_gone};
    }
  qsort(merged->names, merged->name_count, sizeof *merged->names, compare);
  return 0;
}

static int open_directory(struct merged *merged, struct failure *why) {
  const struct directory directory = merged->waiting.all[--merged->waiting.count];
  int is_opaque = 0;

  memcpy(merged->directory, directory.path, strlen(directory.path) + 1);
  for (size_t i = 0; i < directory.count && is_opaque == 0; i++)
    is_opaque = open_part(merged, directory.layers[i], merged->directory, why);
  free(directory.path);
  free(directory.layers);
  return is_opaque < 0 ? is_opaque : gather_names(merged, why);
}

/* The first of those found comes next. */
static int close_directory(struct merged *merged, struct failure *why) {
  struct directories *found = &merged->found;

  close_parts(merged);
  for (; found->count > 0; found->count--) {
    struct directory *last = &found->all[found->count - 1];

    if (add_directory(&merged->waiting, last->path, last->count + 1, why) < 0)
      return -why->errnum;
    for (size_t i = 0; i < last->count; i++)
      add_layer(&merged->waiting, last->layers[i]);
    free(last->path);
    free(last->layers);
  }
  return 0;
}

/* A name */

static int set_path(struct merged *merged, const char *name, struct failure *why) {
  const size_t start = strlen(merged->directory);
  const size_t length = strlen(name);
  const size_t slash = start > 0;

  if (start + slash + length >= PATH_MAX)
    return fail(why, ENAMETOOLONG, "path of %zu bytes: …%.40s", start + slash + length, name);
  memcpy(merged->path, merged->directory, start);
  if (slash)
    merged->path[start] = '/';
  memcpy(merged->path + start + slash, name, length + 1);
  return 0;
}

/* 1: the part has it; 0: it has not, or it has vanished; `ret_hides`: nor have those below. */
static int look(struct merged *merged, const struct name *name, struct stat *ret_st,
                bool *ret_hides, struct failure *why) {
  const struct part *part = &merged->parts[name->part];

  *ret_hides = name->is_gone;
  if (name->is_gone || (part->layer == 0 && upper_skips(merged->upper, merged->path)))
    return 0;
  if (fstatat(part->fd, name->text, ret_st, AT_SYMLINK_NOFOLLOW) < 0)
    return errno == ENOENT ? 0 : fail(why, errno, "look at %.200s", merged->path);
  *ret_hides = upper_is_whiteout(ret_st);
  return !*ret_hides;
}

/* The layers from `names` on that have a directory by that name are in it, up to one that has
 * something else. */
static int remember_directory(struct merged *merged, const struct name *names, size_t count,
                              struct failure *why) {
  struct stat st;
  bool hides = false;

  if (add_directory(&merged->found, merged->path, count, why) < 0)
    return -why->errnum;
  for (size_t i = 0; i < count && !hides; i++) {
    const int r = look(merged, &names[i], &st, &hides, why);

    if (r < 0)
      return r;
    if (r > 0 && !S_ISDIR(st.st_mode))
      break;
    if (r > 0)
      add_layer(&merged->found, merged->parts[names[i].part].layer);
  }
  return 0;
}

static int look_below(struct merged *merged, const struct name *names, size_t count,
                      struct failure *why) {
  struct merged_entry *entry = &merged->entry;
  bool hides = false;
  int r = 0;

  for (size_t i = 0; i < count && r == 0 && !hides; i++) {
    r = look(merged, &names[i], &entry->below, &hides, why);
    entry->lower = merged->parts[names[i].part].layer - 1u;
    entry->below_parent = merged->parts[names[i].part].fd;
  }
  entry->is_below = r > 0;
  return r < 0 ? r : 0;
}

/* 1: the first that has something by that name shows it. */
static int tell(struct merged *merged, const struct name *names, size_t count,
                struct failure *why) {
  struct merged_entry *entry = &merged->entry;
  bool hides = false;
  int r = 0;
  size_t i = 0;

  *entry = (struct merged_entry){.path = merged->path, .name = names->text};
  for (; i < count && r == 0 && !hides; i++)
    r = look(merged, &names[i], &entry->st, &hides, why);
  if (r <= 0)
    return r;

  const struct name *shown = &names[i - 1];
  const struct part *part = &merged->parts[shown->part];
  entry->parent = part->fd;
  entry->is_lower = part->layer > 0;
  if (entry->is_lower)
    entry->lower = part->layer - 1u;
  else if (look_below(merged, shown + 1, count - i, why) < 0)
    return -why->errnum;
  if (S_ISDIR(entry->st.st_mode))
    return remember_directory(merged, shown, count - i + 1, why) < 0 ? -why->errnum : 1;
  if (entry->st.st_nlink > 1 &&
      upper_links_find(&merged->links, &entry->st, entry->path, &entry->link, why) < 0)
    return -why->errnum;
  return 1;
}

static int tell_next(struct merged *merged, struct failure *why) {
  const struct name *names = merged->names + merged->next;
  size_t count = 1;

  while (merged->next + count < merged->name_count && strcmp(names[count].text, names->text) == 0)
    count++;
  merged->next += count;
  return set_path(merged, names->text, why) < 0 ? -why->errnum : tell(merged, names, count, why);
}

static int tell_root(struct merged *merged, struct failure *why) {
  const struct upper *upper = merged->upper;

  merged->has_begun = true;
  merged->entry = (struct merged_entry){.path = "", .parent = upper->root, .name = "."};
  if (fstat(upper->root, &merged->entry.st) < 0)
    return fail(why, errno, "look at writable layer");
  merged->entry.below_parent = upper->lowers[0];
  merged->entry.is_below =
      upper->lower_count > 0 && fstat(upper->lowers[0], &merged->entry.below) == 0;
  return 1;
}

int merged_next(struct merged *merged, const struct merged_entry **ret_entry, struct failure *why) {
  int r = merged->has_begun ? 0 : tell_root(merged, why);

  while (r == 0) {
    if (merged->next < merged->name_count)
      r = tell_next(merged, why);
    else if ((r = close_directory(merged, why)) == 0 && merged->waiting.count == 0)
      return 0;
    else if (r == 0)
      r = open_directory(merged, why);
  }
  *ret_entry = &merged->entry;
  return r;
}
