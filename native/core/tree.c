/* Theory of operation. A stack of open directories, LEVELS high, holds the way down. What
 * lies deeper is first moved up into the topmost directory under a name of our own, so
 * neither descriptors nor memory grow with the depth of the tree; the topmost directory is
 * read again until it is empty. Reading while deleting may skip entries on some file
 * systems, which reading again covers as well. */
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "syscalls.h"

#define LEVELS 32

struct level {
  DIR *dir;
  char name[NAME_MAX + 1];
  int removed; /* something went away since the last rewind */
};

struct removal {
  int dirfd;
  const char *name;
  int depth;               /* open levels */
  unsigned long long mark; /* of our own names: another deleter's never look the same */
  unsigned moved;
  struct level levels[LEVELS];
};

static void close_levels(struct removal *removal) {
  while (removal->depth > 0)
    (void) closedir(removal->levels[--removal->depth].dir);
}

/* The name within the tree, as far as it fits a message. */
static int fail_at(struct removal *removal, int errnum, const char *name, struct failure *why) {
  char path[160] = "";
  size_t used = 0;

  for (int i = 1; i < removal->depth && used < sizeof path - 1; i++) {
    const int n = snprintf(path + used, sizeof path - used, "%s/", removal->levels[i].name);
    used += n > 0 ? (size_t) n : 0;
  }
  if (name == NULL)
    return fail(why, errnum, "remove %s", removal->name);
  return fail(why, errnum, "remove %s: %s%s", removal->name, path, name);
}

static int parent_of(struct removal *removal, int depth) {
  return depth == 0 ? removal->dirfd : dirfd(removal->levels[depth - 1].dir);
}

/* Only directories of the tree itself, never the one it lies in. */
static int make_writable(struct removal *removal) {
  if (removal->depth == 0)
    return -1;
  return fchmod(dirfd(removal->levels[removal->depth - 1].dir), 0700);
}

/* unlinkat() in the innermost directory, made writable if need be. 0 or -errno. */
static int unlink_name(struct removal *removal, const char *name, int flags) {
  const int parent = parent_of(removal, removal->depth);

  if (unlinkat(parent, name, flags) == 0)
    return 0;
  if (errno != EACCES || make_writable(removal) < 0)
    return -errno;
  return unlinkat(parent, name, flags) == 0 ? 0 : -errno;
}

static int open_directory(int parent, const char *name, int is_inside) {
  const struct open_how how = {
      .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
      /* The path to the tree may cross mounts, a step inside it may not. */
      .resolve = is_inside ? RESOLVE_NO_XDEV : 0,
  };

  return sys_openat2(parent, name, &how);
}

static int open_readable(struct removal *removal, const char *name) {
  const int parent = parent_of(removal, removal->depth);
  const int is_inside = removal->depth > 0;
  int fd = open_directory(parent, name, is_inside);

  if (fd < 0 && errno == EACCES) {
    (void) make_writable(removal); /* searchable, too */
    (void) fchmodat(parent, name, 0700, AT_SYMLINK_NOFOLLOW);
    fd = open_directory(parent, name, is_inside);
  }
  return fd < 0 ? -errno : fd;
}

static int is_gone(int r) {
  return r == 0 || r == -ENOENT;
}

static int remove_leaf(struct removal *removal, const char *name, struct failure *why) {
  const int r = unlink_name(removal, name, 0);

  return is_gone(r) ? 0 : fail_at(removal, -r, name, why);
}

static int descend(struct removal *removal, const char *name, struct failure *why) {
  autoclose int fd = open_readable(removal, name);

  if (fd == -ENOENT)
    return 0;
  if (fd == -ENOTDIR || fd == -ELOOP) /* somebody put something else there */
    return remove_leaf(removal, name, why);
  if (fd == -EXDEV)
    return fail_at(removal, EBUSY, name, why);
  if (fd < 0)
    return fail_at(removal, -fd, name, why);

  DIR *dir = fdopendir(fd);
  if (dir == NULL)
    return fail_at(removal, errno, name, why);
  (void) steal_fd(&fd);

  struct level *level = &removal->levels[removal->depth++];
  level->dir = dir;
  level->removed = 0;
  snprintf(level->name, sizeof level->name, "%s", removal->depth == 1 ? "" : name);
  return 0;
}

/* The way down is full: bring the directory up to where there is room. */
static int move_up(struct removal *removal, const char *name, struct failure *why) {
  const int from = parent_of(removal, removal->depth);
  const int top = dirfd(removal->levels[0].dir);
  char target[64];

  for (int attempt = 0;;) {
    snprintf(target, sizeof target, ".removed-%llx-%u", removal->mark, removal->moved++);
    if (sys_rename_new(from, name, top, target) == 0) {
      removal->levels[0].removed = 1;
      return 0;
    }
    if (errno == ENOENT)
      return 0;
    if (errno == EEXIST)
      continue;
    if (errno != EACCES || attempt++ > 0)
      return fail_at(removal, errno, name, why);
    /* A moved directory is itself written to: its ".." changes. */
    (void) fchmod(top, 0700);
    (void) make_writable(removal);
    (void) fchmodat(from, name, 0700, AT_SYMLINK_NOFOLLOW);
  }
}

static int remove_entry(struct removal *removal, const struct dirent *entry, struct failure *why) {
  if (entry->d_type != DT_DIR) {
    const int r = unlink_name(removal, entry->d_name, 0);

    if (is_gone(r))
      return 0;
    if (r != -EISDIR && !(r == -EPERM && entry->d_type == DT_UNKNOWN))
      return fail_at(removal, -r, entry->d_name, why);
  }
  return removal->depth < LEVELS ? descend(removal, entry->d_name, why)
                                 : move_up(removal, entry->d_name, why);
}

/* The innermost directory has been read to its end. */
static int ascend(struct removal *removal, struct failure *why) {
  struct level *level = &removal->levels[removal->depth - 1];
  const char *name = removal->depth == 1 ? removal->name : level->name;
  const int removed = level->removed;
  int r = unlinkat(parent_of(removal, removal->depth - 1), name, AT_REMOVEDIR) < 0 ? -errno : 0;

  if (r == -ENOTEMPTY && removed) {
    level->removed = 0;
    rewinddir(level->dir);
    return 0;
  }
  (void) closedir(level->dir);
  removal->depth--;
  if (r == -EACCES)
    r = unlink_name(removal, name, AT_REMOVEDIR);
  if (is_gone(r))
    return 0;
  return fail_at(removal, -r, removal->depth == 0 ? NULL : name, why);
}

static int is_dots(const char *name) {
  return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int walk(struct removal *removal, struct failure *why) {
  int r = 0;

  while (r == 0 && removal->depth > 0) {
    struct level *level = &removal->levels[removal->depth - 1];

    errno = 0;
    const struct dirent *entry = readdir(level->dir);
    if (entry == NULL && errno != 0 && errno != ENOENT)
      return fail_at(removal, errno, ".", why);
    if (entry == NULL) {
      r = ascend(removal, why);
    } else if (!is_dots(entry->d_name)) {
      level->removed = 1;
      r = remove_entry(removal, entry, why);
    }
  }
  return r;
}

int tree_remove(int dirfd, const char *name, struct failure *why) {
  if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
    return 0;
  if (errno != EISDIR && errno != EPERM)
    return fail(why, errno, "remove %s", name);

  autofree struct removal *removal = calloc(1, sizeof *removal);
  if (removal == NULL)
    return fail(why, ENOMEM, "remove %s", name);
  removal->dirfd = dirfd;
  removal->name = name;
  if (getrandom(&removal->mark, sizeof removal->mark, 0) != sizeof removal->mark)
    return fail(why, errno, "remove %s: random name", name);

  int r = descend(removal, name, why);
  if (r == 0)
    r = walk(removal, why);
  close_levels(removal);
  return r;
}
