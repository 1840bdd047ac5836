/* Theory of operation. One directory of each tree is open at a time. Entering one copies all in it
 * that is no directory and notes the names of those that are; they are taken one by one, each
 * entered in turn. When none is left the directory gets its attributes (what was made in it had
 * changed its times) and the way leads up by `..`. Memory grows with the depth, and with the
 * directories that wait. The first file of a hard link leaves a further link in `links`, named
 * by its device and inode, from which the others are made. */
#include "copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "copy_parts.h"

/* The directories of one level that have not been entered yet. */
struct level {
  dev_t dev; /* the directory that is read */
  ino_t ino;
  char *names; /* each ends with a NUL */
  size_t used;
  size_t room;
};

struct copy {
  int from;
  int to;
  int links;
  struct level *levels;
  size_t depth;
  size_t room;
  bool is_layer;
};

static int fail_at(struct failure *why, const char *name) {
  return fail_while(why, "copy %.64s", name);
}

static int note_directory(struct level *level, const char *name, struct failure *why) {
  const size_t length = strlen(name) + 1;

  if (level->room - level->used < length) {
    const size_t room = 2 * level->room + length;
    char *names = realloc(level->names, room);
    if (names == NULL)
      return fail(why, ENOMEM, "copy");
    level->names = names;
    level->room = room;
  }
  memcpy(level->names + level->used, name, length);
  level->used += length;
  return 0;
}

/* The last name noted, copied out and forgotten. false: there is none. */
static int take_directory(struct level *level, char name[static NAME_MAX + 1]) {
  if (level->used == 0)
    return 0;
  size_t start = level->used - 1;
  while (start > 0 && level->names[start - 1] != '\0')
    start--;
  snprintf(name, NAME_MAX + 1, "%s", level->names + start);
  level->used = start;
  return 1;
}

static int copy_symlink(const struct copy *copy, const char *name, const struct stat *status,
                        struct failure *why) {
  char text[PATH_MAX];
  const ssize_t size = readlinkat(copy->from, name, text, sizeof text - 1);

  if (size < 0)
    return fail(why, errno, "read the link");
  text[size] = '\0';
  if (symlinkat(text, copy->to, name) < 0)
    return fail(why, errno, "make the link");
  (void) fchownat(copy->to, name, status->st_uid, status->st_gid, AT_SYMLINK_NOFOLLOW);
  const struct timespec times[] = {status->st_atim, status->st_mtim};
  (void) utimensat(copy->to, name, times, AT_SYMLINK_NOFOLLOW);
  return 0;
}

/* A fifo or a socket. Nobody else sees the tree yet, so its name stays what it is. */
static int copy_special(const struct copy *copy, const char *name, const struct stat *status,
                        struct failure *why) {
  if (mknodat(copy->to, name, (status->st_mode & S_IFMT) | 0600, 0) < 0)
    return fail(why, errno, "make it");
  (void) fchownat(copy->to, name, status->st_uid, status->st_gid, AT_SYMLINK_NOFOLLOW);
  if (fchmodat(copy->to, name, status->st_mode & 07777, 0) < 0)
    return fail(why, errno, "set the mode");
  const struct timespec times[] = {status->st_atim, status->st_mtim};
  (void) utimensat(copy->to, name, times, AT_SYMLINK_NOFOLLOW);
  return 0;
}

static int copy_regular(const struct copy *copy, const char *name, const struct stat *status,
                        struct failure *why) {
  autoclose int from = openat(copy->from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  autoclose int to = -1;
  int r;

  if (from < 0)
    return fail(why, errno, "open");
  to = openat(copy->to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (to < 0)
    return fail(why, errno, "make");
  r = copy_bytes(from, to, status->st_size, why);
  return r < 0 ? r : copy_attributes_of(from, to, copy->is_layer, why);
}

static int copy_device(const struct copy *copy, const char *name, const struct stat *status,
                       struct failure *why) {
  if (!copy->is_layer || !S_ISCHR(status->st_mode) || status->st_rdev != 0)
    return 0; /* none may be made, but for what stands for nothing */
  if (mknodat(copy->to, name, S_IFCHR, 0) < 0)
    return fail(why, errno, "make the whiteout");
  return 0;
}

static int copy_contents(const struct copy *copy, const char *name, const struct stat *status,
                         struct failure *why) {
  switch (status->st_mode & S_IFMT) {
    case S_IFREG: return copy_regular(copy, name, status, why);
    case S_IFLNK: return copy_symlink(copy, name, status, why);
    case S_IFIFO:
    case S_IFSOCK: return copy_special(copy, name, status, why);
    default: return copy_device(copy, name, status, why);
  }
}

static int copy_linked(const struct copy *copy, const char *name, const struct stat *status,
                       struct failure *why) {
  char original[48];
  int r;

  snprintf(original, sizeof original, "%llx-%llx", (unsigned long long) status->st_dev,
           (unsigned long long) status->st_ino);
  if (linkat(copy->links, original, copy->to, name, 0) == 0)
    return 0;
  if (errno != ENOENT && errno != EMLINK)
    return fail(why, errno, "link");
  r = copy_contents(copy, name, status, why);
  if (r < 0)
    return r;
  /* Without it the next one is a file of its own: ENOENT of what was left out, EEXIST after EMLINK.
   */
  if (linkat(copy->to, name, copy->links, original, 0) < 0 && errno != ENOENT && errno != EEXIST)
    return fail(why, errno, "link");
  return 0;
}

static int copy_entry(struct copy *copy, const char *name, struct failure *why) {
  struct stat status;
  int r;

  if (fstatat(copy->from, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
    r = fail(why, errno, "look at it");
  else if (S_ISDIR(status.st_mode))
    return note_directory(&copy->levels[copy->depth - 1], name, why);
  else if (status.st_nlink > 1)
    r = copy_linked(copy, name, &status, why);
  else
    r = copy_contents(copy, name, &status, why);
  return r < 0 ? fail_at(why, name) : 0;
}

static int is_dots(const char *name) {
  return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int scan(struct copy *copy, DIR *directory, struct failure *why) {
  for (;;) {
    errno = 0;
    const struct dirent *entry = readdir(directory);
    if (entry == NULL)
      return errno == 0 ? 0 : fail(why, errno, "read a directory");
    const int r = is_dots(entry->d_name) ? 0 : copy_entry(copy, entry->d_name, why);
    if (r < 0)
      return r;
  }
}

/* A new level, for the directories that are open now. */
static int enter(struct copy *copy, struct failure *why) {
  if (copy->depth == copy->room) {
    const size_t room = 2 * copy->room + 16;
    struct level *levels = realloc(copy->levels, room * sizeof *levels);
    if (levels == NULL)
      return fail(why, ENOMEM, "copy");
    copy->levels = levels;
    copy->room = room;
  }
  struct stat status;
  if (fstat(copy->from, &status) < 0)
    return fail(why, errno, "look at a directory");
  copy->levels[copy->depth++] = (struct level){.dev = status.st_dev, .ino = status.st_ino};

  autoclose int fd = openat(copy->from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *directory = fd < 0 ? NULL : fdopendir(fd);
  if (directory == NULL)
    return fail(why, errno, "read a directory");
  (void) steal_fd(&fd);
  const int r = scan(copy, directory, why);
  (void) closedir(directory);
  return r;
}

/* Both trees, to `name` of the open directories. */
static int move_to(struct copy *copy, const char *name, struct failure *why) {
  autoclose int from = openat(copy->from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  autoclose int to = openat(copy->to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  if (from < 0 || to < 0)
    return fail(why, errno, "open directory %.64s", name);
  (void) close(copy->from);
  (void) close(copy->to);
  copy->from = steal_fd(&from);
  copy->to = steal_fd(&to);
  return 0;
}

static int descend(struct copy *copy, const char *name, struct failure *why) {
  int r;

  if (mkdirat(copy->to, name, 0700) < 0)
    return fail(why, errno, "make directory %.64s", name);
  r = move_to(copy, name, why);
  return r < 0 ? r : enter(copy, why);
}

/* Whether the directory that is read is the one whose names were noted. */
static bool is_back(const struct copy *copy) {
  const struct level *level = &copy->levels[copy->depth - 1];
  struct stat status;

  return fstat(copy->from, &status) == 0 && status.st_dev == level->dev &&
         status.st_ino == level->ino;
}

static int ascend(struct copy *copy, struct failure *why) {
  int r = copy_attributes_of(copy->from, copy->to, copy->is_layer, why);

  if (r < 0)
    return r;
  free(copy->levels[--copy->depth].names);
  if (copy->depth == 0)
    return 0;
  r = move_to(copy, "..", why);
  if (r < 0)
    return r;
  return is_back(copy) ? 0 : fail(why, ESTALE, "find the way back: a directory was moved");
}

static int walk(struct copy *copy, struct failure *why) {
  char name[NAME_MAX + 1];
  int r;

  r = enter(copy, why);
  while (r == 0 && copy->depth > 0)
    r = take_directory(&copy->levels[copy->depth - 1], name) ? descend(copy, name, why)
                                                             : ascend(copy, why);
  return r;
}

/* Closes the directories of `copy`. */
static int copy_all(struct copy copy, struct failure *why) {
  const int r =
      copy.from < 0 || copy.to < 0 ? fail(why, errno, "open directory") : walk(&copy, why);

  while (copy.depth > 0)
    free(copy.levels[--copy.depth].names);
  free(copy.levels);
  if (copy.from >= 0)
    (void) close(copy.from);
  if (copy.to >= 0)
    (void) close(copy.to);
  return r;
}

static int open_again(int directory) {
  return openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int copy_tree(int from, int to, int links, struct failure *why) {
  return copy_all((struct copy){.from = open_again(from), .to = open_again(to), .links = links},
                  why);
}

int copy_layer(int from, int to, int links, struct failure *why) {
  const struct copy copy = {
      .from = open_again(from), .to = open_again(to), .links = links, .is_layer = true};

  return copy_all(copy, why);
}
