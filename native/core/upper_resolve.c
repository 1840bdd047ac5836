/* Where a path of the container leads, links followed, as its mounts were made: "/var/run/x" is at
 * run/x. The links may be the container's own: what comes of them only says what is left out, and
 * opaque directories on the way are not minded. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"
#include "upper_parts.h"

#define LINKS_MAX 40

/* The size of what the link says, 0 where there is no link. */
static size_t read_link(const struct upper *upper, const char *path, char *ret_text) {
  for (size_t i = 0; i <= upper->lower_count; i++) {
    autoclose int fd = fd_open_inside(i == 0 ? upper->root : upper->lowers[i - 1], path, O_PATH);
    if (fd < 0)
      continue;
    const ssize_t size = readlinkat(fd, "", ret_text, PATH_MAX);
    return size <= 0 || size == PATH_MAX ? 0 : (size_t) size;
  }
  return 0;
}

/* What is left to do stands in front of what the link says. */
static int put_in_front(char *rest, const char *text, size_t size) {
  const size_t length = strlen(rest);

  if (size + 1 + length >= PATH_MAX)
    return -ENAMETOOLONG;
  memmove(rest + size + 1, rest, length + 1);
  memcpy(rest, text, size);
  rest[size] = '/';
  return 0;
}

static void drop_last(char *path) {
  char *slash = strrchr(path, '/');

  *(slash == NULL ? path : slash) = '\0';
}

/* One part of `rest` onto `path`. */
static int step(const struct upper *upper, char *path, char *rest, int *links) {
  char name[PATH_MAX];
  char text[PATH_MAX];
  const size_t used = strlen(path);
  const size_t start = strspn(rest, "/");
  const size_t length = strcspn(rest + start, "/");

  memcpy(name, rest + start, length);
  name[length] = '\0';
  memmove(rest, rest + start + length, strlen(rest + start + length) + 1);
  if (length == 0 || strcmp(name, ".") == 0)
    return 0;
  if (strcmp(name, "..") == 0) {
    drop_last(path);
    return 0;
  }
  if (used + 1 + length >= PATH_MAX)
    return -ENAMETOOLONG;
  if (used > 0)
    path[used] = '/';
  memcpy(path + used + (used > 0), name, length + 1);
  const size_t size = read_link(upper, path, text);
  if (size == 0)
    return 0;
  if (--*links == 0)
    return -ELOOP;
  drop_last(path);
  if (text[0] == '/')
    path[0] = '\0';
  return put_in_front(rest, text, size);
}

int upper_resolve(const struct upper *upper, const char *path, char *ret_path) {
  char rest[PATH_MAX];
  int links = LINKS_MAX;
  int r = 0;

  if (strlen(path) >= PATH_MAX)
    return -ENAMETOOLONG;
  memcpy(rest, path, strlen(path) + 1);
  ret_path[0] = '\0';
  while (r == 0 && rest[0] != '\0')
    r = step(upper, ret_path, rest, &links);
  return r;
}
