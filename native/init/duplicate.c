/* duplicate.c — duplicate [--sync] {layer|tree FROM TO}…: copy directories as root of the user
 * namespace, who may read and give away what the ids inside own.
 *
 * TO is empty, or made. A layer is what an overlay wrote: its whiteouts and orders come along. With
 * --sync the copies are on the disk in the end. After a failure, or a kill, a part of the copies is
 * there, and beside one of them a directory TO.links: the caller deletes all of it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/copy.h"
#include "../core/tree.h"
#include "../core/userns.h"
#include "report.h"
#include "verb.h"

#define DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static int open_made(const char *path, int *ret_fd, struct failure *why) {
  if (mkdir(path, 0700) < 0 && errno != EEXIST)
    return fail(why, errno, "make directory %s", path);
  *ret_fd = open(path, DIRECTORY);
  return *ret_fd < 0 ? fail(why, errno, "open directory %s", path) : 0;
}

static int duplicate(bool is_layer, const char *from, const char *to, struct failure *why) {
  autoclose int source = open(from, DIRECTORY);
  autoclose int target = -1;
  autoclose int links = -1;
  char path[PATH_MAX];
  const int n = snprintf(path, sizeof path, "%s.links", to);
  int r;

  if (source < 0)
    return fail(why, errno, "open directory %s", from);
  if (n < 0 || (size_t) n >= sizeof path)
    return fail(why, ENAMETOOLONG, "copy %s", from);
  r = open_made(to, &target, why);
  if (r == 0)
    r = open_made(path, &links, why);
  if (r == 0)
    r = is_layer ? copy_layer(source, target, links, why) : copy_tree(source, target, links, why);
  return r < 0 ? r : tree_remove(AT_FDCWD, path, why);
}

static int sync_at(const char *path, struct failure *why) {
  autoclose int fd = open(path, DIRECTORY);

  return fd < 0 || syncfs(fd) < 0 ? fail(why, errno, "bring %s to the disk", path) : 0;
}

int duplicate_main(int argc, char *argv[], struct failure *why) {
  const bool syncs = argc > 0 && strcmp(argv[0], "--sync") == 0;
  int at = syncs ? 1 : 0;
  const char *to = NULL;

  if (userns_become_root(why) < 0)
    return -why->errnum;
  report_end_with_node();
  for (; at + 2 < argc; at += 3) {
    const bool is_layer = strcmp(argv[at], "layer") == 0;

    if (!is_layer && strcmp(argv[at], "tree") != 0)
      return fail(why, EINVAL, "duplicate %s", argv[at]);
    to = argv[at + 2];
    if (duplicate(is_layer, argv[at + 1], to, why) < 0)
      return -why->errnum;
  }
  if (to == NULL || at != argc)
    return fail(why, EINVAL, "duplicate needs kinds and pairs of directories");
  return syncs ? sync_at(to, why) : 0;
}
