/* Where a path leads: the directory that its last name is in. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "inside.h"

/* As many links as the kernel follows (path_resolution(7)). */
#define MAX_LINKS 40

struct search {
  int root;
  char path[PATH_MAX];
  bool follows;
  bool is_directory; /* a slash said so */
};

/* Without slashes, and "." between them, at the end. */
static void trim(struct search *search) {
  size_t size = strlen(search->path);

  for (;;) {
    const bool has_slash = size > 0 && search->path[size - 1] == '/';
    const bool has_dot = size > 1 && strcmp(search->path + size - 2, "/.") == 0;

    if (!has_slash && !has_dot)
      return;
    size -= has_slash ? 1 : 2;
    search->path[size] = '\0';
    search->follows = search->is_directory = true;
  }
}

static int take_parent(const struct search *search, const char *path, struct inside_place *place,
                       struct failure *why) {
  const int r = inside_open(search->root, path, O_DIRECTORY, &place->parent, why);

  return r < 0 ? fail(why, -r, "open directory %.120s", path) : 0;
}

/* The root, or what is above a directory: it is its own name. */
static int take_directory(const struct search *search, const char *path, struct inside_place *place,
                          struct failure *why) {
  if (take_parent(search, path, place, why) < 0)
    return -why->errnum;
  strcpy(place->name, ".");
  return 0;
}

/* 1: the name is in `place`. */
static int take_name(struct search *search, struct inside_place *place, struct failure *why) {
  char *slash = strrchr(search->path, '/');
  const char *name = slash == NULL ? search->path : slash + 1;

  if (search->path[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
    return take_directory(search, search->path[0] == '\0' ? "/" : search->path, place, why);
  if (strlen(name) >= sizeof place->name)
    return fail(why, ENAMETOOLONG, "look for %.64s", name);
  strcpy(place->name, name);
  if (slash == NULL)
    return take_parent(search, "/", place, why);
  slash[1] = '\0'; /* the path of the parent, with a slash */
  return take_parent(search, search->path, place, why);
}

/* The link's text, after the path of its parent, is the path to go on with. */
static int follow(struct search *search, const struct inside_place *place, struct failure *why) {
  char target[PATH_MAX];
  const ssize_t length = readlinkat(place->parent, place->name, target, sizeof target - 1);
  const size_t before = strlen(search->path);

  if (length < 0)
    return fail(why, errno, "follow %s", place->name);
  target[length] = '\0';
  const size_t kept = target[0] == '/' ? 0 : before;
  if (kept + (size_t) length + 1 > sizeof search->path)
    return fail(why, ENAMETOOLONG, "follow %s", place->name);
  memcpy(search->path + kept, target, (size_t) length + 1);
  return 0;
}

/* 1: that was a link, which is followed. */
static int look(struct search *search, struct inside_place *place, struct failure *why) {
  place->exists = fstatat(place->parent, place->name, &place->st, AT_SYMLINK_NOFOLLOW) == 0;
  if (!place->exists && errno != ENOENT)
    return fail(why, errno, "look at %s", place->name);
  if (place->exists && S_ISLNK(place->st.st_mode) && search->follows)
    return follow(search, place, why) < 0 ? -why->errnum : 1;
  if (place->exists && search->is_directory && !S_ISDIR(place->st.st_mode))
    return fail(why, ENOTDIR, "open %s", place->name);
  return 0;
}

int inside_find(int root, const char *path, bool follows, struct inside_place *ret_place,
                struct failure *why) {
  struct search search = {.root = root, .follows = follows};

  if ((size_t) snprintf(search.path, sizeof search.path, "%s", path) >= sizeof search.path)
    return fail(why, ENAMETOOLONG, "open %.64s…", path);
  for (int links = 0; links <= MAX_LINKS; links++) {
    struct inside_place place = {.parent = -1};

    trim(&search);
    int r = take_name(&search, &place, why);
    if (r == 0)
      r = look(&search, &place, why);
    if (r == 0) {
      *ret_place = place;
      return 0;
    }
    if (place.parent >= 0)
      (void) close(place.parent);
    if (r < 0)
      return r;
  }
  return fail(why, ELOOP, "follow %.64s", path);
}
