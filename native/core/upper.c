/* Theory of operation. A stack of directories, from the root of the layer down to the one that is
 * read: each was read at once, so that its names can be sorted. Beside each stand the lower layers
 * that have part in the directory of that name; only for the innermost one are these open, since a
 * stack of layers times a deep tree would be too many descriptors. A directory that was closed for
 * the same reason is opened again by its path, and is passed over should it be another one by then.
 *
 * A directory on the way to a mount point is held back until there is something to tell of what is
 * in it: then it comes first, and that name is looked at once more. */
#include "upper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"
#include "upper_parts.h"

bool upper_is_whiteout(const struct stat *st) {
  return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

static bool says_yes(int directory, const char *name) {
  char value = '\0';

  return fgetxattr(directory, name, &value, 1) == 1 && value == 'y';
}

bool upper_is_opaque(int directory, enum upper_form form) {
  if (says_yes(directory, "user.overlay.opaque"))
    return true;
  return form == UPPER_FUSE && (says_yes(directory, "user.fuseoverlayfs.opaque") ||
                                says_yes(directory, "trusted.overlay.opaque"));
}

static int open_lowers(struct upper *upper, char *const lowers[], struct failure *why) {
  for (; lowers != NULL && *lowers != NULL; lowers++) {
    if (upper->lower_count == UPPER_LOWERS_MAX)
      return fail(why, E2BIG, "more than %d lower layers", UPPER_LOWERS_MAX);
    const int fd = open(*lowers, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
      return fail(why, errno, "open lower layer %s", *lowers);
    upper->lowers[upper->lower_count++] = fd;
  }
  return 0;
}

/* A new innermost level, of the directory that `path` is now. Takes `fd` over. */
static int push(struct upper *upper, int fd, const uint16_t *lowers, size_t lower_count,
                struct failure *why) {
  autoclose int directory = fd;
  struct stat st;

  if (fstat(directory, &st) < 0)
    return fail(why, errno, "look at directory");
  if (upper->depth == upper->room) {
    const size_t room = 2 * upper->room + 16;
    struct upper_level *levels = realloc(upper->levels, room * sizeof *levels);

    if (levels == NULL)
      return fail(why, ENOMEM, "read directory");
    upper->levels = levels;
    upper->room = room;
  }
  struct upper_level *level = &upper->levels[upper->depth];
  *level = (struct upper_level){
      .fd = -1, .dev = st.st_dev, .ino = st.st_ino, .path_size = upper->path_size};
  level->lowers = calloc(lower_count + 1, sizeof *level->lowers);
  if (level->lowers == NULL)
    return fail(why, ENOMEM, "read directory");
  memcpy(level->lowers, lowers, lower_count * sizeof *lowers);
  level->lower_count = lower_count;
  level->fd = steal_fd(&directory);
  upper->depth++;
  if (upper->depth > UPPER_LEVELS_OPEN) {
    struct upper_level *far = &upper->levels[upper->depth - 1 - UPPER_LEVELS_OPEN];

    if (far->fd >= 0)
      (void) close(steal_fd(&far->fd));
  }
  return upper_names_read(level->fd, upper->form, &level->names, why);
}

static void pop(struct upper *upper) {
  struct upper_level *level = &upper->levels[--upper->depth];

  if (level->fd >= 0)
    (void) close(level->fd);
  upper_names_free(&level->names);
  free(level->lowers);
  if (upper->below_depth > upper->depth)
    upper_close_lowers(upper);
}

static int push_root(struct upper *upper, const char *path, struct failure *why) {
  uint16_t lowers[UPPER_LOWERS_MAX];

  for (size_t i = 0; i < upper->lower_count; i++)
    lowers[i] = (uint16_t) i;
  upper->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (upper->root < 0)
    return fail(why, errno, "open writable layer %s", path);
  const int fd = fcntl(upper->root, F_DUPFD_CLOEXEC, 0);
  if (fd < 0)
    return fail(why, errno, "open writable layer %s", path);
  return push(upper, fd, lowers, upper->lower_count, why);
}

int upper_open(const struct upper_places *places, struct upper **ret_upper, struct failure *why) {
  struct upper *upper = calloc(1, sizeof *upper);

  if (upper == NULL)
    return fail(why, ENOMEM, "open writable layer");
  upper->root = -1;
  upper->form = places->form;
  upper->spells_out = places->spells_out;
  upper->anew = places->anew;
  if (open_lowers(upper, places->lowers, why) < 0 || push_root(upper, places->upper, why) < 0 ||
      upper_skip_take(upper, places->skip, why) < 0) {
    upper_close(upper);
    return -why->errnum;
  }
  *ret_upper = upper;
  return 0;
}

void upper_close(struct upper *upper) {
  if (upper == NULL)
    return;
  while (upper->depth > 0)
    pop(upper);
  upper_close_lowers(upper);
  for (size_t i = 0; i < upper->lower_count; i++)
    (void) close(upper->lowers[i]);
  if (upper->root >= 0)
    (void) close(upper->root);
  for (size_t i = 0; i < upper->skip_count; i++)
    free(upper->skip[i]);
  free(upper->skip);
  free(upper->levels);
  upper_links_free(&upper->links);
  free(upper);
}

/* 0: open; 1: it is there no longer. */
static int reopen(struct upper *upper, struct upper_level *level, struct failure *why) {
  char path[PATH_MAX];
  struct stat st;

  if (level->fd >= 0)
    return 0;
  memcpy(path, upper->path, level->path_size);
  path[level->path_size] = '\0';
  autoclose int fd = fd_open_inside(upper->root, path, O_RDONLY | O_DIRECTORY);
  if (fd < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
    return fail(why, errno, "open directory %.200s", path);
  if (fd < 0 || fstat(fd, &st) < 0 || st.st_ino != level->ino || st.st_dev != level->dev)
    return 1;
  level->fd = steal_fd(&fd);
  return 0;
}

static int set_path(struct upper *upper, const struct upper_level *level, const char *name,
                    struct failure *why) {
  const size_t length = strlen(name);
  const size_t start = level->path_size == 0 ? 0 : level->path_size + 1;

  if (start + length >= PATH_MAX)
    return fail(why, ENAMETOOLONG, "path of %zu bytes: …%.40s", start + length, name);
  if (start > 0)
    upper->path[start - 1] = '/';
  memcpy(upper->path + start, name, length + 1);
  upper->path_size = start + length;
  return 0;
}

/* 1: something to tell. */
static int look_at(struct upper *upper, const struct upper_name *name, struct failure *why) {
  const struct upper_level *level = &upper->levels[upper->depth - 1];
  struct upper_entry *entry = &upper->entry;

  if (set_path(upper, level, name->text, why) < 0)
    return -why->errnum;
  if (upper_skips(upper, upper->path))
    return 0;
  *entry = (struct upper_entry){.path = upper->path, .parent = level->fd, .name = name->text};
  if (!name->is_gone && fstatat(level->fd, name->text, &entry->st, AT_SYMLINK_NOFOLLOW) < 0)
    return errno == ENOENT ? 0 : fail(why, errno, "look at %.200s", upper->path);
  if (upper_look_below(upper, name->text, why) < 0)
    return -why->errnum;
  if (name->is_gone || upper_is_whiteout(&entry->st)) {
    entry->kind = UPPER_WHITEOUT;
    return entry->is_below;
  }
  if (entry->st.st_nlink > 1 && !S_ISDIR(entry->st.st_mode) &&
      upper_links_find(&upper->links, &entry->st, entry->path, &entry->link, why) < 0)
    return -why->errnum;
  return 1;
}

static bool is_anew(const struct upper *upper, const char *path) {
  for (char *const *one = upper->anew; one != NULL && *one != NULL; one++)
    if (strcmp(*one + 1, path) == 0)
      return true;
  return false;
}

/* Into the directory that the last entry is. 1: it is opaque, with something below; 0: it is not,
 * or is gone. */
static int go_down(struct upper *upper, struct failure *why) {
  const struct upper_entry entry = upper->entry;
  const int fd = openat(entry.parent, entry.name,
                        O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

  if (fd < 0)
    return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
               ? 0
               : fail(why, errno, "open directory %.200s", entry.path);
  if (push(upper, fd, upper->found, upper->found_count, why) < 0)
    return -why->errnum;

  struct upper_level *level = &upper->levels[upper->depth - 1];
  level->entry = entry;
  level->is_cut_off = level[-1].is_cut_off || level->names.is_opaque ||
                      upper_is_opaque(level->fd, upper->form) || is_anew(upper, entry.path);
  if (level->lower_count == 0 || !level->is_cut_off)
    return 0;
  if (upper->spells_out)
    return upper_names_add_gone(upper, &level->names, why) < 0 ? -why->errnum : 1;
  level->lower_count = 0;
  return 1;
}

/* The outermost directory that was held back. */
static struct upper_level *find_held(struct upper *upper) {
  for (size_t i = 1; i < upper->depth; i++)
    if (upper->levels[i].is_held)
      return &upper->levels[i];
  return NULL;
}

/* 1: it is told; 0: it is there no longer. */
static int release(struct upper *upper, struct upper_level *held, struct failure *why) {
  struct upper_level *parent = held - 1;
  const int gone = reopen(upper, parent, why);

  held->is_held = false;
  if (gone != 0)
    return gone < 0 ? gone : 0;
  memcpy(upper->released, upper->path, held->path_size);
  upper->released[held->path_size] = '\0';
  upper->entry = held->entry;
  upper->entry.path = upper->released;
  upper->entry.parent = parent->fd;
  upper->entry.name = upper->released + (parent->path_size == 0 ? 0 : parent->path_size + 1);
  upper->state = UPPER_RELEASED;
  return 1;
}

/* 1: the entry was such a directory, and is held back. */
static int hold(struct upper *upper, struct failure *why) {
  const size_t depth = upper->depth;
  int r = upper_may_be_for_mounts(upper, why);

  if (r <= 0)
    return r;
  r = go_down(upper, why);
  if (r < 0)
    return r;
  if (upper->depth > depth)
    upper->levels[depth].is_held = true;
  return 1;
}

/* 1: it is the entry; 0: nothing to tell, or not yet. */
static int next_name(struct upper *upper, struct failure *why) {
  struct upper_level *level = &upper->levels[upper->depth - 1];
  const int gone = reopen(upper, level, why);

  if (gone < 0)
    return gone;
  if (gone > 0 || level->next == level->names.count) {
    pop(upper);
    return 0;
  }
  const int r = look_at(upper, &level->names.all[level->next++], why);
  if (r <= 0)
    return r;
  const int is_held = hold(upper, why);
  if (is_held != 0)
    return is_held < 0 ? is_held : 0;
  struct upper_level *held = find_held(upper);
  if (held != NULL) {
    level->next--; /* it comes after that */
    return release(upper, held, why);
  }
  upper->state = S_ISDIR(upper->entry.st.st_mode) ? UPPER_GO_DOWN : UPPER_GO_ON;
  return 1;
}

static int tell_root(struct upper *upper, struct failure *why) {
  upper->entry = (struct upper_entry){
      .path = upper->path, .parent = upper->root, .name = ".", .is_below = upper->lower_count > 0};
  if (fstat(upper->root, &upper->entry.st) < 0)
    return fail(why, errno, "look at writable layer");
  if (upper->lower_count > 0 && fstat(upper->lowers[0], &upper->entry.below) < 0)
    return fail(why, errno, "look at lower layer");
  return 1;
}

/* The entry stays that of the directory. */
static int tell_opaque(struct upper *upper) {
  upper->entry.kind = UPPER_OPAQUE;
  return 1;
}

static int next(struct upper *upper, struct failure *why) {
  const int state = (int) upper->state;
  int r = 0;

  upper->state = UPPER_GO_ON;
  if (state == UPPER_START)
    return tell_root(upper, why);
  if (state == UPPER_GO_DOWN)
    r = go_down(upper, why);
  if (r < 0)
    return r;
  if (r > 0 && !upper->spells_out)
    return tell_opaque(upper);
  r = 0;
  while (r == 0 && upper->depth > 0)
    r = next_name(upper, why);
  return r;
}

int upper_next(struct upper *upper, const struct upper_entry **ret_entry, struct failure *why) {
  const int r = next(upper, why);

  if (r > 0)
    *ret_entry = &upper->entry;
  return r;
}
