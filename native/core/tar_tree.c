#include "tar_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"
#include "tar_file.h"
#include "upper_parts.h"

struct names {
  char **all;
  size_t count, room;
};

struct walk {
  struct tar_file file;
  struct tar_writer *tar;
  struct upper_links links;
  int top;           /* the directory that is written, or -1 */
  const char *as;    /* its name in the tar */
  struct names left; /* directories in there whose contents are still to come; the next one last */
  char path[PATH_MAX];
  int64_t entries;
};

static int add_name(struct names *names, const char *text, struct failure *why) {
  if (names->count == names->room) {
    const size_t room = 2 * names->room + 64;
    char **grown = realloc(names->all, room * sizeof *grown);

    if (grown == NULL)
      return fail(why, ENOMEM, "remember a name");
    names->all = grown;
    names->room = room;
  }
  names->all[names->count] = strdup(text);
  return names->all[names->count++] == NULL ? fail(why, ENOMEM, "remember a name") : 0;
}

static void free_names(struct names *names) {
  for (size_t i = 0; i < names->count; i++)
    free(names->all[i]);
  free(names->all);
  *names = (struct names){0};
}

static int compare(const void *one, const void *other) {
  return strcmp(*(char *const *) one, *(char *const *) other);
}

static int read_names(int directory, struct names *names, struct failure *why) {
  DIR *stream = fdopendir(directory);
  const struct dirent *entry;
  int r = 0;

  if (stream == NULL) {
    r = fail(why, errno, "read the directory");
    (void) close(directory);
    return r;
  }
  errno = 0;
  while (r == 0 && (entry = readdir(stream)) != NULL) {
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
      r = add_name(names, entry->d_name, why);
    errno = 0;
  }
  if (r == 0 && errno != 0 && errno != ENOENT)
    r = fail(why, errno, "read the directory");
  (void) closedir(stream);
  if (names->count > 0)
    qsort(names->all, names->count, sizeof *names->all, compare);
  return r;
}

/* 1: written; 0: it has gone. */
static int add(struct walk *walk, struct tar_file_place *place, struct failure *why) {
  if (place->st->st_nlink > 1 && !S_ISDIR(place->st->st_mode) &&
      upper_links_find(&walk->links, place->st, place->path, &place->link, why) < 0)
    return -why->errnum;
  int r = tar_file_open(&walk->file, place, why);
  if (r > 0) {
    walk->entries++;
    r = tar_file_write(&walk->file, walk->tar, why) < 0 ? -why->errnum : 1;
    tar_file_close(&walk->file);
  }
  return r < 0 ? fail_while(why, "copy %.120s", place->path) : r;
}

/* `inside`, which is the path of a directory in the top one, and a name in it, joined. */
static int join(char *ret_path, const char *inside, const char *name, struct failure *why) {
  const char *slash = inside[0] == '\0' ? "" : "/";
  const int n = snprintf(ret_path, PATH_MAX, "%s%s%s", inside, slash, name);

  return n >= PATH_MAX ? fail(why, ENAMETOOLONG, "copy %.60s…", inside) : 0;
}

static int add_one_in(struct walk *walk, int parent, const char *inside, const char *name,
                      struct failure *why) {
  char path[PATH_MAX];
  struct stat st;
  struct tar_file_place place = {
      .parent = parent, .name = name, .st = &st, .path = walk->path, .epoch = INT64_MAX};

  if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
    return errno == ENOENT ? 0 : fail(why, errno, "look at %.60s", name);
  if (join(path, inside, name, why) < 0 || join(walk->path, walk->as, path, why) < 0)
    return -why->errnum;
  const int r = add(walk, &place, why);
  return r > 0 && S_ISDIR(st.st_mode) ? add_name(&walk->left, path, why) : r;
}

static bool has_vanished(int errnum) {
  return errnum == ENOENT || errnum == ENOTDIR || errnum == ELOOP;
}

static int open_inside(int top, const char *path) {
  int fd;

  do /* EAGAIN: a rename elsewhere raced with the walk (openat2(2)) */
    fd = fd_open_inside(top, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
  while (fd < 0 && (errno == EAGAIN || errno == EINTR));
  return fd;
}

static int add_all_in(struct walk *walk, const char *inside, struct failure *why) {
  struct names names = {0};
  autoclose int directory = open_inside(walk->top, inside);
  int r = 0;

  if (directory < 0)
    return has_vanished(errno) ? 0 : fail(why, errno, "open %.120s", inside);
  autoclose int stream = fcntl(directory, F_DUPFD_CLOEXEC, 0); /* closed by who reads it */
  if (stream < 0)
    return fail(why, errno, "open %.120s", inside);
  r = read_names(steal_fd(&stream), &names, why);
  for (size_t i = 0; r >= 0 && i < names.count; i++)
    r = add_one_in(walk, directory, inside, names.all[i], why);
  free_names(&names);
  return r < 0 ? -why->errnum : 0;
}

static int walk_all(struct walk *walk, struct failure *why) {
  int r = add_all_in(walk, "", why);

  while (r == 0 && walk->left.count > 0) {
    autofree char *inside = walk->left.all[--walk->left.count];
    r = add_all_in(walk, inside, why);
  }
  return r;
}

static int write_tree(struct walk *walk, const struct tar_tree *tree, struct failure *why) {
  struct stat st;
  struct tar_file_place place = {
      .parent = tree->parent, .name = tree->name, .st = &st, .path = tree->as, .epoch = INT64_MAX};

  if (fstatat(tree->parent, tree->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
    return fail(why, errno, "open %.120s", tree->name);
  if (S_ISSOCK(st.st_mode))
    return fail(why, ENOTSUP, "copy the socket %.120s", tree->name);
  const int r = add(walk, &place, why);
  if (r <= 0)
    return r < 0 ? r : fail(why, ENOENT, "open %.120s", tree->name);
  if (!S_ISDIR(st.st_mode))
    return 0;
  walk->top = openat(tree->parent, tree->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  return walk->top < 0 ? fail(why, errno, "open %.120s", tree->name) : walk_all(walk, why);
}

int tar_tree_write(const struct tar_tree *tree, struct tar_writer *tar,
                   struct tar_tree_summary *ret_summary, struct failure *why) {
  struct walk *walk = calloc(1, sizeof *walk);
  int r;

  if (walk == NULL)
    return fail(why, ENOMEM, "copy");
  walk->tar = tar;
  walk->top = -1;
  walk->as = tree->as;
  r = write_tree(walk, tree, why);
  if (r == 0)
    *ret_summary = (struct tar_tree_summary){.entries = walk->entries};
  if (walk->top >= 0)
    (void) close(walk->top);
  free_names(&walk->left);
  upper_links_free(&walk->links);
  tar_file_end(&walk->file);
  free(walk);
  return r;
}
