/* inside.h — paths of a container's root file system, resolved under a descriptor of it.
 *
 * An image chooses what its links point to: every path goes through openat2(RESOLVE_IN_ROOT), so
 * that `..`, absolute links and links swapped meanwhile stay inside. Descriptors are O_PATH.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "failure.h"

/* Open what is there; flags beside O_PATH|O_CLOEXEC. ENOENT when nothing is. */
int inside_open(int root, const char *path, int flags, int *ret_fd, struct failure *why);

/* The same, and what is missing is made: directories 0755 on the way, and at its end a directory
 * or an empty file. A link that dangles gets its target, as under Docker. */
int inside_make_directory(int root, const char *path, mode_t mode, int *ret_fd,
                          struct failure *why);
int inside_make_file(int root, const char *path, mode_t mode, int *ret_fd, struct failure *why);

/* Make a symbolic link; its parent directories too. A path already taken is left as it is. */
int inside_make_symlink(int root, const char *text, const char *path, struct failure *why);

/* What a path names, as a name in an open directory. */
struct inside_place {
  int parent; /* the caller closes it */
  char name[256];
  bool exists;
  struct stat st; /* if it does */
};

/* With `follows`, or a slash at the end, a link there is followed, also one to where nothing is
 * yet. What is on the way must exist: ENOENT. ENOTDIR for a file with a slash behind it. */
int inside_find(int root, const char *path, bool follows, struct inside_place *ret_place,
                struct failure *why);

/* Whether `fd` is of what the path names without any symbolic link, on the way or at its end. Who
 * swaps names meanwhile is found out. */
bool inside_is_at(int root, const char *path, int fd);

/* Whether the descriptor is of a directory. */
bool inside_is_directory(int fd);
