/* test_merged.c — layers in each other's way, told as one tree. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../core/merged.h"
#include "../core/tree.h"
#include "tap.h"

static char folder[] = "/tmp/test-merged-XXXXXX";
static char layers[][8] = {"upper", "l0", "l1"};
static char told[65536];

static void put(const char *name) {
  const int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);

  (void) close(fd);
}

static void make(const char *name) {
  (void) mkdir(name, 0755);
}

static void white(const char *name) {
  is_int(mknod(name, S_IFCHR, 0), 0, "a whiteout is made");
}

static void mark(const char *name) {
  is_int(setxattr(name, "user.overlay.opaque", "y", 1, 0), 0, "a directory is made opaque");
}

static void begin(void) {
  struct failure why = {0};

  for (size_t i = 0; i < 3; i++) {
    (void) tree_remove(AT_FDCWD, layers[i], &why);
    make(layers[i]);
  }
}

static void tell(const struct merged_entry *entry) {
  const size_t used = strlen(told);

  (void) snprintf(told + used, sizeof told - used, "%s%s@%d%s%s; ", entry->path,
                  S_ISDIR(entry->st.st_mode) ? "/" : "", entry->is_lower ? (int) entry->lower : -1,
                  entry->link != NULL ? " = " : "", entry->link != NULL ? entry->link : "");
}

static void are_told(enum upper_form form, char *const skip[], const char *wanted,
                     const char *name) {
  char *lowers[] = {layers[1], layers[2], NULL};
  const struct upper_places places = {
      .upper = layers[0], .lowers = lowers, .skip = skip, .form = form};
  const struct merged_entry *entry = NULL;
  struct merged *merged = NULL;
  struct failure why = {0};
  int r = merged_open(&places, &merged, &why);

  told[0] = '\0';
  while (r >= 0 && (r = merged_next(merged, &entry, &why)) > 0)
    tell(entry);
  is_int(r, 0, name);
  is_text(told, wanted, name);
  merged_close(merged);
}

static void nearest(void) {
  begin();
  make("l1/d");
  put("l1/d/low");
  put("l1/d/both");
  make("l0/d");
  put("l0/d/both");
  put("l0/top");
  make("upper/d");
  put("upper/d/new");
  put("upper/a");
  are_told(UPPER_KERNEL, NULL, "/@-1; a@-1; d/@-1; top@0; d/both@0; d/low@1; d/new@-1; ",
           "of each name the nearest layer counts");
}

static void hidden(void) {
  begin();
  make("l1/gone");
  put("l1/gone/file");
  make("l1/opaque");
  put("l1/opaque/file");
  make("l1/turned");
  put("l1/turned/file");
  put("l1/file");
  make("l0/opaque");
  mark("l0/opaque");
  put("l0/opaque/again");
  white("l0/gone");
  put("l0/turned");
  make("upper/turned");
  white("upper/file");
  are_told(UPPER_KERNEL, NULL, "/@-1; opaque/@0; turned/@-1; opaque/again@0; ",
           "what a layer hides is not told, nor what lies below a file");
}

static void fuse(void) {
  begin();
  make("l0/d");
  put("l0/d/old");
  put("l0/file");
  put("l0/.wh.kept");
  make("upper/d");
  put("upper/d/.wh..wh..opq");
  put("upper/d/new");
  put("upper/.wh.file");
  are_told(UPPER_FUSE, NULL, "/@-1; .wh.kept@0; d/@-1; d/new@-1; ",
           "whiteouts of fuse-overlayfs count in the layer that it wrote");
}

static void links_and_skips(void) {
  char hosts[] = "/etc/hosts";
  char *skip[] = {hosts, NULL};

  begin();
  make("l0/etc");
  put("l0/a");
  is_int(link("l0/a", "l0/b"), 0, "a file gets a second name");
  make("upper/etc");
  put("upper/etc/hosts");
  are_told(UPPER_KERNEL, skip, "/@-1; a@0; b@0 = a; etc/@-1; ", "a mount point is left out");
  put("l0/etc/hosts");
  are_told(UPPER_KERNEL, skip, "/@-1; a@0; b@0 = a; etc/@-1; etc/hosts@0; ",
           "…but not what the image has there");
}

static void deep(void) {
  char path[4096] = "l1";

  begin();
  for (int i = 0; i < 300; i++) {
    strcat(path, "/d");
    make(path);
  }
  strcat(path, "/file");
  put(path);
  make("upper/d");

  char *lowers[] = {layers[1], layers[2], NULL};
  const struct upper_places places = {.upper = layers[0], .lowers = lowers};
  const struct merged_entry *entry = NULL;
  struct merged *merged = NULL;
  struct failure why = {0};
  char last[16] = "";
  int count = 0;
  (void) merged_open(&places, &merged, &why);
  while (merged_next(merged, &entry, &why) > 0) {
    (void) snprintf(last, sizeof last, "%.15s", entry->name);
    count++;
  }
  is_int(count, 302, "a deep tree is told to its end");
  is_text(last, "file", "…which comes last");
  merged_close(merged);
}

int main(void) {
  struct failure why = {0};

  if (mkdtemp(folder) == NULL || chdir(folder) < 0)
    return 1;
  nearest();
  hidden();
  fuse();
  links_and_skips();
  deep();
  (void) chdir("/");
  is_int(tree_remove(AT_FDCWD, folder, &why), 0, "the folder is removed");
  return done_testing();
}
