/* test_tree.c — deleting what a container left behind. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/tree.h"
#include "tap.h"

static char folder[] = "/tmp/test-tree-XXXXXX";
static int base;

static int remove_tree(const char *name) {
  struct failure why = {0};

  return tree_remove(base, name, &why);
}

static int exists(const char *name) {
  struct stat st;

  return fstatat(base, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void put(int parent, const char *name) {
  close(openat(parent, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

/* `depth` directories, each in the one before, a file in each. */
static void make_deep(const char *name, int depth, const char *inner) {
  mkdirat(base, name, 0700);
  int fd = openat(base, name, O_DIRECTORY | O_CLOEXEC);

  for (int i = 0; i < depth; i++) {
    mkdirat(fd, inner, 0700);
    put(fd, "file");
    const int next = openat(fd, inner, O_DIRECTORY | O_CLOEXEC);
    close(fd);
    fd = next;
  }
  close(fd);
}

static void small_things(void) {
  is_int(remove_tree("absent"), 0, "an absent name is fine");
  put(base, "file");
  is_int(remove_tree("file"), 0, "a file is removed");
  is_int(exists("file"), 0, "…and gone");
  mkdirat(base, "kept", 0700);
  put(base, "kept/file");
  is_int(symlinkat("kept", base, "link"), 0, "a link to a directory is made");
  is_int(remove_tree("link"), 0, "a link is removed");
  mkdirat(base, "tree", 0700);
  is_int(symlinkat("../kept", base, "tree/link"), 0, "a link inside a tree is made");
  is_int(remove_tree("tree"), 0, "a tree with a link to a directory is removed");
  is_int(exists("kept/file"), 1, "links are not followed");
  is_int(remove_tree("kept"), 0, "a tree is removed");
}

static void locked_directories(void) {
  mkdirat(base, "locked", 0700);
  mkdirat(base, "locked/a", 0700);
  mkdirat(base, "locked/a/b", 0700);
  put(base, "locked/a/b/file");
  fchmodat(base, "locked/a/b", 0, 0);
  fchmodat(base, "locked/a", 0500, 0);
  fchmodat(base, "locked", 0, 0);
  is_int(remove_tree("locked"), 0, "unreadable and unwritable directories are removed");
  is_int(exists("locked"), 0, "…and gone");
}

static void deep_trees(void) {
  char longest[256];

  make_deep("deep", 5000, "d");
  is_int(remove_tree("deep"), 0, "a tree of 5,000 levels is removed");
  is_int(exists("deep"), 0, "…and gone");
  memset(longest, 'n', 255);
  longest[255] = '\0';
  make_deep("long", 100, longest);
  is_int(remove_tree("long"), 0, "names of 255 bytes, 100 levels of them, are removed");
  make_deep("locked-deep", 100, "d");
  int fd = openat(base, "locked-deep", O_DIRECTORY | O_CLOEXEC);
  int path[101];
  for (int i = 0; i <= 100; i++) {
    path[i] = fd;
    fd = openat(fd, "d", O_DIRECTORY | O_CLOEXEC);
  }
  for (int i = 0; i <= 100; i++) {
    fchmod(path[i], 0);
    close(path[i]);
  }
  is_int(remove_tree("locked-deep"), 0, "deep directories without any permission are removed");
  is_int(exists("locked-deep"), 0, "…and gone");
}

static void many_entries(void) {
  char name[64];

  mkdirat(base, "wide", 0700);
  for (int i = 0; i < 3000; i++) {
    snprintf(name, sizeof name, "wide/%d", i);
    if (i % 3 == 0)
      mkdirat(base, name, 0700);
    else
      put(base, name);
  }
  is_int(remove_tree("wide"), 0, "a wide directory is removed");
}

static void concurrent_deleters(void) {
  int failed = 0;
  int status;

  make_deep("shared", 300, "d");
  for (int i = 0; i < 4; i++)
    if (fork() == 0)
      _exit(remove_tree("shared") != 0);
  while (wait(&status) > 0)
    failed += status != 0;
  is_int(failed, 0, "four may delete the same tree at once");
  is_int(exists("shared"), 0, "…and it is gone");
}

static void messages(void) {
  struct failure why = {0};

  put(base, "plain");
  is_int(tree_remove(base, "plain/below", &why), -ENOTDIR, "a path through a file is refused");
  is_text(why.what, "remove plain/below", "…by name");
  is_int(remove_tree("plain"), 0, "the file is removed");
}

int main(void) {
  if (mkdtemp(folder) == NULL)
    return 1;
  base = open(folder, O_DIRECTORY | O_CLOEXEC);
  small_things();
  locked_directories();
  deep_trees();
  many_entries();
  concurrent_deleters();
  messages();
  is_int(rmdir(folder), 0, "nothing is left");
  return done_testing();
}
