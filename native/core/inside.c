#include "inside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "syscalls.h"

/* As many links as the kernel follows (path_resolution(7)). */
#define MAX_LINKS 40

enum kind { KIND_DIRECTORY, KIND_FILE };

/* The longest text of a path and how far it is resolved: see make(). */
struct walk {
  char path[PATH_MAX];
  int links;
};

static int try_open_resolving(int root, const char *path, int flags, uint64_t resolve) {
  const struct open_how how = {
      .flags = (uint64_t) (unsigned) (O_PATH | O_CLOEXEC | flags),
      .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve,
  };
  int fd;

  do /* EAGAIN: a rename elsewhere raced with the walk (openat2(2)) */
    fd = sys_openat2(root, path, &how);
  while (fd < 0 && (errno == EAGAIN || errno == EINTR));
  return fd;
}

static int try_open(int root, const char *path, int flags) {
  return try_open_resolving(root, path, flags, 0);
}

int inside_open(int root, const char *path, int flags, int *ret_fd, struct failure *why) {
  const int fd = try_open(root, path, flags);

  if (fd < 0)
    return fail(why, errno, "open %s in the container", path);
  *ret_fd = fd;
  return 0;
}

bool inside_is_at(int root, const char *path, int fd) {
  autoclose int found = try_open_resolving(root, path, 0, RESOLVE_NO_SYMLINKS);
  struct stat one, other;

  return found >= 0 && fstat(found, &one) == 0 && fstat(fd, &other) == 0 &&
         one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

bool inside_is_directory(int fd) {
  struct stat status;

  return fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Cut "a/b/c" into "a/b" (in place) and return "c"; trailing slashes are dropped first. */
static const char *cut_last(char *path) {
  size_t length = strlen(path);

  while (length > 0 && path[length - 1] == '/')
    path[--length] = '\0';
  char *slash = strrchr(path, '/');
  if (slash == NULL)
    return NULL;
  *slash = '\0';
  return slash + 1;
}

/* The link at `parent`/`last` dangles: put the path it means into `walk`, which names the parent.
 * Not inlined, as its buffers are not to lie on the stack of every level of make(). */
__attribute__((noinline)) static int follow(int parent, const char *last, struct walk *walk,
                                            struct failure *why) {
  char target[PATH_MAX];
  char joined[sizeof walk->path];
  const ssize_t length = readlinkat(parent, last, target, sizeof target - 1);

  if (length < 0)
    return fail(why, errno == EINVAL ? ENOTDIR : errno, "follow %s in the container", last);
  if (++walk->links > MAX_LINKS)
    return fail(why, ELOOP, "follow %s in the container", last);
  target[length] = '\0';
  const int n = target[0] == '/' ? snprintf(joined, sizeof joined, "%s", target)
                                 : snprintf(joined, sizeof joined, "%s/%s", walk->path, target);
  if (n < 0 || (size_t) n >= sizeof joined)
    return fail(why, ENAMETOOLONG, "follow %s in the container", last);
  memcpy(walk->path, joined, (size_t) n + 1);
  return 0;
}

static int make_last(int parent, const char *last, enum kind kind, mode_t mode) {
  if (kind == KIND_DIRECTORY)
    return mkdirat(parent, last, mode) == 0 ? 0 : -errno;
  const int fd = openat(parent, last, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  if (fd < 0)
    return -errno;
  (void) close(fd);
  return 0;
}

static int make(int root, struct walk *walk, enum kind kind, mode_t mode, int *ret_fd,
                struct failure *why);

/* "a/b" and "c" are "a/b/c" again. */
static int put_back(struct walk *walk, const char *last, struct failure *why) {
  const size_t length = strlen(walk->path);

  if (length + strlen(last) + 2 > sizeof walk->path)
    return fail(why, ENAMETOOLONG, "make %s in the container", last);
  walk->path[length] = '/';
  strcpy(walk->path + length + 1, last);
  return 0;
}

/* Make the parent of what `walk` names, then the last component itself. The path is cut and put
 * together in place: a level of this recursion holds one name. */
static int make_missing(int root, struct walk *walk, enum kind kind, mode_t mode,
                        struct failure *why) {
  autoclose int parent = -1;
  char name[NAME_MAX + 1];
  const char *last = cut_last(walk->path);
  int r;

  if (last == NULL || strcmp(last, "..") == 0 || strcmp(last, ".") == 0)
    return fail(why, ENOENT, "make %s in the container", walk->path);
  if (strlen(last) > NAME_MAX)
    return fail(why, ENAMETOOLONG, "make %.64s… in the container", last);
  strcpy(name, last);

  r = make(root, walk, KIND_DIRECTORY, 0755, &parent, why);
  if (r < 0)
    return r;

  r = make_last(parent, name, kind, mode);
  if (r == -EEXIST)
    return follow(parent, name, walk, why);
  if (r < 0)
    return fail(why, -r, "make %s in the container", name);
  return put_back(walk, name, why);
}

/* Open what `walk` names, making what is missing. Each round makes one thing or follows one
 * dangling link, so it ends; recursion is as deep as the path has missing directories. */
static int make(int root, struct walk *walk, enum kind kind, mode_t mode, int *ret_fd,
                struct failure *why) {
  for (int round = 0; round < MAX_LINKS + 2; round++) {
    const int fd = try_open(root, walk->path[0] == '\0' ? "/" : walk->path, 0);

    if (fd >= 0) {
      *ret_fd = fd;
      return 0;
    }
    if (errno != ENOENT)
      return fail(why, errno, "open %s in the container", walk->path);
    const int r = make_missing(root, walk, kind, mode, why);
    if (r < 0)
      return r;
  }
  return fail(why, ELOOP, "make %s in the container", walk->path);
}

static int start_walk(const char *path, struct walk *ret_walk, struct failure *why) {
  const int n =
      snprintf(ret_walk->path, sizeof ret_walk->path, "%s%s", path[0] == '/' ? "" : "/", path);

  ret_walk->links = 0;
  if (n < 0 || (size_t) n >= sizeof ret_walk->path)
    return fail(why, ENAMETOOLONG, "open %.64s… in the container", path);
  return 0;
}

static int make_path(int root, const char *path, enum kind kind, mode_t mode, int *ret_fd,
                     struct failure *why) {
  struct walk walk;
  autoclose int fd = -1;
  int r;

  r = start_walk(path, &walk, why);
  if (r < 0)
    return r;
  r = make(root, &walk, kind, mode, &fd, why);
  if (r < 0)
    return r;
  if (inside_is_directory(fd) != (kind == KIND_DIRECTORY))
    return fail(why, kind == KIND_DIRECTORY ? ENOTDIR : EISDIR, "open %s in the container", path);
  *ret_fd = steal_fd(&fd);
  return 0;
}

int inside_make_directory(int root, const char *path, mode_t mode, int *ret_fd,
                          struct failure *why) {
  return make_path(root, path, KIND_DIRECTORY, mode, ret_fd, why);
}

int inside_make_file(int root, const char *path, mode_t mode, int *ret_fd, struct failure *why) {
  return make_path(root, path, KIND_FILE, mode, ret_fd, why);
}

int inside_make_symlink(int root, const char *text, const char *path, struct failure *why) {
  struct walk walk;
  autoclose int parent = -1;
  int r;

  r = start_walk(path, &walk, why);
  if (r < 0)
    return r;
  const char *last = cut_last(walk.path);
  char name[NAME_MAX + 1];
  if (last == NULL || strlen(last) > NAME_MAX)
    return fail(why, EINVAL, "link %s in the container", path);
  strcpy(name, last);

  r = make(root, &walk, KIND_DIRECTORY, 0755, &parent, why);
  if (r < 0)
    return r;
  if (symlinkat(text, parent, name) < 0 && errno != EEXIST)
    return fail(why, errno, "link %s in the container", path);
  return 0;
}
