/* test_owners.c — tables of owners that are whole, cut short, or made up. */
#include "../core/owners.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tap.h"

#define TABLE(text) text, sizeof(text) - 1

static char path[64];

/* A table of these bytes. The descriptor is left open: the name leads to it. */
static void write_table(const char *bytes, size_t size) {
  const int fd = memfd_create("owners", 0);

  if (write(fd, bytes, size) != (ssize_t) size)
    perror("write");
  (void) snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
}

static int open_table(const char *bytes, size_t size, struct owners **ret_owners) {
  char none[] = "";
  char *tables[] = {none, path, NULL};
  struct failure why = {0};

  write_table(bytes, size);
  return owners_open(tables, ret_owners, &why);
}

static void is_refused(const char *bytes, size_t size, const char *name) {
  struct owners *owners = NULL;

  is_int(open_table(bytes, size, &owners), -EBADMSG, name);
}

static void test_find(void) {
  struct owners *owners = NULL;
  struct owner owner = {0};

  is_int(open_table(TABLE("1:2:644:b/c\0"
                          "7:0:4755:a\0"
                          "4294967294:3:600:b\0"
                          "5:6:640:b/c\0"),
                    &owners),
         0, "a table");
  is_int(owners_find(owners, 1, "a", &owner), 1, "its rows are found");
  is_int(owner.uid == 7 && owner.gid == 0 && owner.mode == 04755, 1, "…as they are");
  is_int(owners_find(owners, 1, "b", &owner) && owner.uid == 4294967294, 1, "…with large ids");
  is_int(owners_find(owners, 1, "b/c", &owner) && owner.uid == 5, 1, "of two the later counts");
  is_int(owners_find(owners, 1, "b/", &owner), 0, "other paths have none");
  is_int(owners_find(owners, 0, "a", &owner), 0, "nor has a layer without a table");
  is_int(owners_find(owners, 2, "a", &owner), 0, "…or one that is not there");
  owners_close(owners);
}

static void test_refused(void) {
  is_refused(TABLE("1:2:644:a"), "a table that is cut short");
  is_refused(TABLE("1:2:a\0"), "a row without a mode");
  is_refused(TABLE("-1:2:644:a\0"), "a negative id");
  is_refused(TABLE("\0"), "an empty row");

  struct owners *owners = NULL;
  char *tables[] = {path, NULL};
  struct failure why = {0};
  (void) snprintf(path, sizeof path, "/no/such/table");
  is_int(owners_open(tables, &owners, &why), -ENOENT, "a table that is not there");
}

static void test_restore(void) {
  const struct owner owner = {.uid = 7, .gid = 8, .mode = 06755};
  const struct stat below = {.st_mode = S_IFREG | 0755};
  struct stat st = below;
  struct owner restored = {0};
  struct tar_entry entry = {0};

  is_int(owners_restore(&owner, &st, &below, &restored), 1, "what nobody gave away is restored");
  owners_give(&restored, &entry);
  is_int(entry.uid == 7 && entry.gid == 8 && entry.mode == 06755, 1, "…with its set-id bits");
  st.st_mode = S_IFREG | 0700;
  is_int(owners_restore(&owner, &st, &below, &restored), 1, "one whose mode was changed, too");
  is_int((long) restored.mode, 0700, "…but for the mode");
  st.st_uid = 1;
  is_int(owners_restore(&owner, &st, &below, &restored), 0, "what was given away is not");
}

int main(void) {
  test_find();
  test_refused();
  test_restore();
  return done_testing();
}
