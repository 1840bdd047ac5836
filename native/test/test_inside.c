/* test_inside.c — the paths of a container, under hostile links. */
#include "../core/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/tree.h"
#include "tap.h"

static bool exists(int root, const char *path) {
  return faccessat(root, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int make_file(int root, const char *path) {
  struct failure why;
  autoclose int fd = -1;

  return inside_make_file(root, path, 0644, &fd, &why);
}

static int make_directory(int root, const char *path) {
  struct failure why;
  autoclose int fd = -1;

  return inside_make_directory(root, path, 0755, &fd, &why);
}

static void makes_what_is_missing(int root) {
  is_int(make_directory(root, "/a/b/c"), 0, "directories are made on the way");
  is_int(exists(root, "a/b/c"), 1, "down to the last");
  is_int(make_directory(root, "/a/b/c/"), 0, "twice is fine");
  is_int(make_file(root, "etc/hosts"), 0, "a file is made");
  is_int(exists(root, "etc/hosts"), 1, "with its directory");
  is_int(make_directory(root, "etc/hosts"), -ENOTDIR, "a file is no directory");
  is_int(make_file(root, "a/b"), -EISDIR, "a directory is no file");
  is_int(make_directory(root, "etc/hosts/deep"), -ENOTDIR, "nor can one lie under a file");
}

/* As long as a path may be: 2,040 directories, each made by a call of its own. */
static void makes_deep_paths(int root) {
  char path[4096] = "";

  for (size_t i = 0; i + 2 < 4080; i += 2)
    strcat(path, "/d");
  is_int(make_directory(root, path), 0, "2,040 directories deep is not too deep");
  is_int(make_directory(root, path), 0, "nor the second time");
}

static void stays_inside(int root) {
  (void) symlinkat("../../../../outside", root, "up");
  (void) symlinkat("/target/deep", root, "absolute");
  (void) symlinkat("../run/resolv.conf", root, "etc/resolv.conf");
  (void) symlinkat("loop", root, "loop");

  is_int(make_file(root, "up/x"), 0, "a link with .. ends at the root");
  is_int(exists(root, "outside/x"), 1, "where its target is made");
  is_int(make_directory(root, "absolute"), 0, "an absolute link starts at the root");
  is_int(exists(root, "target/deep"), 1, "and what it means is made there");
  is_int(exists(root, "etc/resolv.conf"), 1, "a dangling link stays");
  is_int(make_file(root, "etc/resolv.conf"), 0, "and its target is made");
  is_int(exists(root, "run/resolv.conf"), 1, "where it points");
  is_int(make_file(root, "loop"), -ELOOP, "a loop is refused");
  is_int(make_directory(root, "../../../tmp/x"), 0, ".. at the root is the root");
  is_int(exists(root, "tmp/x"), 1, "and nothing above it is touched");
}

static void knows_what_is_named(int root) {
  struct failure why;
  int fd = -1;

  (void) symlinkat("a", root, "link");
  (void) inside_open(root, "/a/b", 0, &fd, &why);
  is_int(inside_is_at(root, "/a/b", fd), 1, "a path names what it leads to");
  is_int(inside_is_at(root, "/link/b", fd), 0, "but not by way of a link");
  (void) renameat(root, "a/b", root, "a/moved");
  (void) symlinkat("moved", root, "a/b");
  is_int(inside_is_at(root, "/a/b", fd), 0, "nor once a link has its name");
  (void) unlinkat(root, "a/b", 0);
  is_int(make_directory(root, "a/b"), 0, "nor once another has it:");
  is_int(inside_is_at(root, "/a/b", fd), 0, "that is not the same");
  (void) close(fd);
}

int main(void) {
  char folder[] = "/tmp/marmita-inside-XXXXXX";
  struct failure why;

  if (mkdtemp(folder) == NULL)
    return EXIT_FAILURE;
  char base[sizeof folder + 8];
  (void) snprintf(base, sizeof base, "%s/root", folder);
  (void) mkdir(base, 0755);
  const int root = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  makes_what_is_missing(root);
  makes_deep_paths(root);
  stays_inside(root);
  knows_what_is_named(root);
  (void) close(root);
  return tree_remove(AT_FDCWD, folder, &why) < 0 ? EXIT_FAILURE : done_testing();
}
