/* test_tar_pending.c — directories that wait for something to be in them. */
#include "../core/tar_pending.h"

#include <errno.h>

#include "tap.h"

static char written[4096];

/* Of what is written, the names. */
static int put(void *context, const void *bytes, size_t size, struct failure *why) {
  const char *header = bytes;

  (void) context;
  (void) why;
  if (size == TAR_BLOCK && header[156] == '5') {
    strncat(written, header, 100);
    strcat(written, " ");
  }
  return 0;
}

static struct tar_writer *tar;
static struct tar_pending pending;

static void add(const char *name) {
  char xattr_value[] = "value";
  char xattr_name[] = "user.name";
  const struct tar_xattr xattr = {xattr_name, xattr_value, sizeof xattr_value};
  struct tar_entry entry = {
      .type = TAR_DIRECTORY, .name = name, .link = "", .xattrs = &xattr, .xattr_count = 1};
  struct failure why = {0};

  if (tar_pending_add(&pending, &entry, &why) < 0)
    printf("# %s\n", why.what);
  memset(xattr_value, 'x', sizeof xattr_value); /* the entry was copied */
}

static void are_written(const char *name, const char *names, const char *title) {
  struct failure why = {0};

  written[0] = '\0';
  (void) tar_pending_write(&pending, name, tar, &why);
  is_text(written, names, title);
}

int main(void) {
  struct failure why = {0};

  (void) tar_write_open((struct tar_sink){.put = put}, &tar, &why);
  add("a");
  are_written("b", "", "a directory without anything in it is not written");
  add("a");
  are_written("a/file", "a/ ", "one with a file is");
  are_written("a/other", "", "…once");
  add("a");
  add("a/b");
  add("a/b/c");
  add("a/d");
  are_written("a/d/file", "a/ a/d/ ", "those around it are, and not those beside it");
  add("a");
  add("ab");
  are_written("ab/file", "ab/ ", "a name is not around one that begins alike");
  add("a");
  are_written("a/.wh..wh..opq", "a/ ", "one that is opaque has something in it");
  add("left");
  tar_pending_end(&pending);
  tar_write_close(tar);
  return done_testing();
}
