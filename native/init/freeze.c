/* freeze.c — freeze [--sync] UPPER NEXT FROZEN: what a container wrote becomes a layer below it.
 *
 *   before   UPPER            NEXT  –        FROZEN  –
 *            UPPER            NEXT  empty, with UPPER's owner, mode and attributes
 *            –                NEXT           FROZEN, which was UPPER     ← from here on it counts
 *   after    UPPER, was NEXT  –              FROZEN
 *
 * A directory of an id inside may be moved only by root of the user namespace. Whoever was killed
 * in between: the same words again lead to the end. With --sync each step is on the disk before the
 * next. The caller sees to it that the container does not run, and that nobody else does this. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
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
#include "verb.h"

#define DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct freezing {
  const char *upper;
  const char *next;
  const char *frozen;
  bool syncs;
};

static bool is_there(const char *path) {
  return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int sync_directory(const char *path, struct failure *why) {
  autoclose int fd = open(path, DIRECTORY);

  return fd < 0 || fsync(fd) < 0 ? fail(why, errno, "bring %s to the disk", path) : 0;
}

static int sync_parent(const char *path, struct failure *why) {
  char parent[PATH_MAX];

  (void) snprintf(parent, sizeof parent, "%s", path);
  return sync_directory(dirname(parent), why);
}

static int make_next(const struct freezing *freezing, struct failure *why) {
  int r = tree_remove(AT_FDCWD, freezing->next, why);

  if (r < 0)
    return r;
  if (mkdir(freezing->next, 0700) < 0)
    return fail(why, errno, "make directory %s", freezing->next);
  autoclose int from = open(freezing->upper, DIRECTORY);
  autoclose int to = open(freezing->next, DIRECTORY);
  if (from < 0 || to < 0)
    return fail(why, errno, "open %s", from < 0 ? freezing->upper : freezing->next);
  r = copy_attributes(from, to, why);
  if (r < 0 || !freezing->syncs)
    return r;
  if (fsync(to) < 0)
    return fail(why, errno, "bring %s to the disk", freezing->next);
  return sync_parent(freezing->next, why);
}

static int move(const struct freezing *freezing, const char *from, const char *to,
                struct failure *why) {
  if (rename(from, to) < 0)
    return fail(why, errno, "move %s to %s", from, to);
  if (!freezing->syncs)
    return 0;
  const int r = sync_parent(to, why);
  return r < 0 ? r : sync_parent(from, why);
}

int freeze_main(int argc, char *argv[], struct failure *why) {
  const bool syncs = argc > 0 && strcmp(argv[0], "--sync") == 0;

  if (argc - syncs != 3)
    return fail(why, EINVAL, "freeze needs three directories");
  const struct freezing freezing = {
      .upper = argv[syncs], .next = argv[syncs + 1], .frozen = argv[syncs + 2], .syncs = syncs};
  if (userns_become_root(why) < 0)
    return -why->errnum;
  if (!is_there(freezing.frozen) &&
      (make_next(&freezing, why) < 0 || move(&freezing, freezing.upper, freezing.frozen, why) < 0))
    return -why->errnum;
  return is_there(freezing.upper) ? 0 : move(&freezing, freezing.next, freezing.upper, why);
}
