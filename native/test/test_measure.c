/* test_measure.c — how much lies in a tree. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../core/measure.h"
#include "../core/tree.h"
#include "tap.h"

static char folder[] = "/tmp/test-measure-XXXXXX";
static int base;

static struct tree_size measure(const char *name) {
  struct tree_size size = {0};
  struct failure why = {0};

  is_int(measure_tree(base, name, &size, &why), 0, name);
  return size;
}

static void put(int parent, const char *name, off_t bytes) {
  const int fd = openat(parent, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

  is_int(ftruncate(fd, bytes), 0, name);
  close(fd);
}

static void small_things(void) {
  is_int((long) measure("absent").entries, 0, "what is not there is empty");
  put(base, "file", 100);
  is_int((long) measure("file").bytes, 100, "a file is as large as it is");
  mkdirat(base, "tree", 0700);
  is_int((long) measure("tree").entries, 0, "an empty directory holds nothing");
  put(base, "tree/one", 100);
  mkdirat(base, "tree/inner", 0700);
  put(base, "tree/inner/two", 11);
  is_int(symlinkat("../file", base, "tree/link"), 0, "a link out of the tree");
  is_int((long) measure("tree").bytes, 100 + 11 + 7, "links count, but are not followed");
  is_int((long) measure("tree").entries, 4, "all entries are counted");
  is_int(symlinkat("tree", base, "to-tree"), 0, "a link to the tree");
  is_int((long) measure("to-tree").bytes, 4, "also when it is the tree's name itself");
}

static void several_names(void) {
  char name[32];

  mkdirat(base, "names", 0700);
  for (int i = 0; i < 1000; i++) {
    snprintf(name, sizeof name, "names/%d", i);
    put(base, name, 1);
    char other[64];
    snprintf(other, sizeof other, "%s-too", name);
    if (linkat(base, name, base, other, 0) < 0)
      is_int(errno, 0, "a second name");
  }
  is_int((long) measure("names").bytes, 1000, "what has several names counts once");
  is_int((long) measure("names").entries, 2000, "…each name is an entry");
}

static void deep(void) {
  mkdirat(base, "deep", 0700);
  int fd = openat(base, "deep", O_DIRECTORY | O_CLOEXEC);

  for (int i = 0; i < 2000; i++) {
    mkdirat(fd, "d", 0700);
    const int next = openat(fd, "d", O_DIRECTORY | O_CLOEXEC);
    close(fd);
    fd = next;
  }
  put(fd, "file", 1);
  close(fd);
  is_int(measure("deep").is_partial, 1, "what is too deep is left out, and said to be");
}

int main(void) {
  struct failure why = {0};

  if (mkdtemp(folder) == NULL)
    return 1;
  base = open(folder, O_DIRECTORY | O_CLOEXEC);
  small_things();
  several_names();
  deep();
  is_int(tree_remove(AT_FDCWD, folder, &why), 0, "cleared away");
  return done_testing();
}
