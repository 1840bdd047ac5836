/* test_tar_write.c — what the tar writer writes, the reader reads; and it is always the same. */
#include "../core/tar_write.h"

#include <errno.h>
#include <stdlib.h>

#include "tap.h"

struct archive {
  unsigned char bytes[4u << 20];
  size_t size;
  size_t used;
};

static struct archive archive;

static int put(void *context, const void *bytes, size_t size, struct failure *why) {
  (void) context;
  if (archive.size + size > sizeof archive.bytes)
    return fail(why, ENOSPC, "write");
  memcpy(archive.bytes + archive.size, bytes, size);
  archive.size += size;
  return 0;
}

/* As if somebody else wrote it. */
static int64_t copy_all(void *context, int fd, int64_t size, struct failure *why) {
  (void) context;
  (void) fd;
  (void) why;
  return size;
}

static int next_piece(void *context, const unsigned char **ret_bytes, struct failure *why) {
  (void) context;
  (void) why;
  *ret_bytes = archive.bytes;
  const size_t n = archive.size - archive.used;
  archive.used = archive.size;
  return (int) n;
}

static struct tar_writer *begin(void) {
  struct tar_writer *writer = NULL;
  struct failure why = {0};

  archive.size = archive.used = 0;
  (void) tar_write_open((struct tar_sink){.put = put, .copy = copy_all}, &writer, &why);
  return writer;
}

/* Written alone, then read: where `ret_tar` keeps it. */
static const struct tar_entry *through(const struct tar_entry *entry, struct tar **ret_tar) {
  const struct tar_entry *read = NULL;
  struct tar_writer *writer = begin();
  struct failure why = {0};

  if (tar_write_entry(writer, entry, &why) < 0 || tar_write_finish(writer, &why) < 0)
    printf("# %s\n", why.what);
  tar_write_close(writer);
  *ret_tar = NULL;
  if (tar_open((struct tar_source){next_piece, NULL}, ret_tar, &why) < 0 ||
      tar_next(*ret_tar, &read, &why) <= 0)
    printf("# %s\n", why.what);
  return read;
}

static void repeats(char *text, char letter, size_t length, size_t every) {
  for (size_t i = 0; i < length; i++)
    text[i] = every > 0 && i % every == every - 1 && i + 1 < length ? '/' : letter;
  text[length] = '\0';
}

static void is_name_kept(size_t length, size_t every, const char *name) {
  char text[TAR_NAME_MAX + 1];
  struct tar *tar;

  repeats(text, 'n', length, every);
  struct tar_entry entry = {.type = TAR_SYMLINK, .name = text, .link = text};
  const struct tar_entry *read = through(&entry, &tar);
  is_text(read->name, text, name);
  is_text(read->link, text, "…as the target of a link, too");
  tar_close(tar);
}

static void test_names(void) {
  struct tar *tar;

  is_name_kept(1, 0, "a name of one byte");
  is_name_kept(100, 0, "a name that fills its field");
  is_name_kept(101, 0, "a name that is too long for it");
  is_name_kept(101, 50, "a name in two fields");
  is_name_kept(255, 80, "a name of 255 bytes");
  is_name_kept(256, 156, "a name of 256 bytes, with a slash in the last place that will do");
  is_name_kept(300, 10, "a name that is too long for both");
  is_name_kept(TAR_NAME_MAX, 200, "the longest name");

  struct tar_entry entry = {.type = TAR_DIRECTORY, .name = "d", .link = ""};
  is_text(through(&entry, &tar)->name, "d/", "a directory ends with a slash");
  is_int((long) archive.size, 3 * TAR_BLOCK, "…and needs no more than a header");
  tar_close(tar);
  entry.name = "odd \xff\xfe\n\"";
  entry.type = TAR_FIFO;
  is_text(through(&entry, &tar)->name, entry.name, "a name of any bytes");
  tar_close(tar);
}

static void is_time_kept(int64_t seconds, unsigned nsec, const char *name) {
  struct tar_entry entry = {
      .type = TAR_FIFO, .name = "f", .link = "", .mtime = seconds, .mtime_nsec = nsec};
  struct tar *tar;

  const struct tar_entry *read = through(&entry, &tar);
  is_int((long) read->mtime, (long) seconds, name);
  is_int((long) read->mtime_nsec, (long) nsec, "…to the nanosecond");
  tar_close(tar);
}

static void test_numbers(void) {
  struct tar_entry entry = {.type = TAR_FILE, .name = "f", .link = "", .mode = 07777};
  struct tar *tar;

  is_time_kept(0, 0, "the time 0");
  is_time_kept(1700000000, 0, "whole seconds");
  is_time_kept(1700000000, 123456789, "nanoseconds");
  is_time_kept(1700000000, 100000000, "a tenth of a second");
  is_time_kept(1700000000, 1, "one nanosecond");
  is_time_kept(8589934591, 0, "the last second of a header");
  is_time_kept(8589934592, 0, "the second after that");
  is_time_kept(-1, 0, "a time before 1970");
  is_time_kept(-1, 500000000, "half a second before it");
  is_time_kept(-2, 250000000, "a second and a bit before it");

  entry.uid = 2097151;
  entry.gid = 2097152;
  const struct tar_entry *read = through(&entry, &tar);
  is_int((long) read->uid, 2097151, "the largest id of a header");
  is_int((long) read->gid, 2097152, "an id that is larger");
  is_int((long) read->mode, 07777, "every bit of a mode");
  tar_close(tar);
}

static void test_size(void) {
  struct tar_entry entry = {.type = TAR_FILE, .name = "f", .link = "", .size = 1ll << 33};
  struct tar_writer *writer = begin();
  const struct tar_entry *read = NULL;
  struct tar *tar = NULL;
  struct failure why = {0};

  is_int(tar_write_entry(writer, &entry, &why), 0, "a file of 8 GiB");
  is_int(tar_write_copy(writer, -1, &why), 0, "…copied by the sink");
  is_int((long) tar_write_left(writer), 0, "…to the last byte");
  is_int(tar_write_finish(writer, &why), 0, "…and its end");
  is_int((long) tar_write_size(writer), (1ll << 33) + 5 * TAR_BLOCK, "…counts in full");
  tar_write_close(writer);
  is_int(tar_open((struct tar_source){next_piece, NULL}, &tar, &why), 0, "it is read again");
  is_int(tar_next(tar, &read, &why), 1, "…as an entry");
  is_int((long) read->size, 1ll << 33, "…of that size");
  tar_close(tar);
}

static void test_contents(void) {
  struct tar_entry entry = {.type = TAR_FILE, .name = "f", .link = "", .size = 600};
  struct tar_writer *writer = begin();
  unsigned char text[700];
  const unsigned char *bytes = NULL;
  const struct tar_entry *read = NULL;
  struct tar *tar = NULL;
  struct failure why = {0};
  int64_t offset;

  memset(text, 'x', sizeof text);
  (void) tar_write_entry(writer, &entry, &why);
  is_int(tar_write_contents(writer, text, 500, &why), 0, "a part of the contents");
  is_int(tar_write_contents(writer, text, 700, &why), 0, "more than there was to come");
  is_int(tar_write_fill(writer, &why), 0, "…is cut off");
  (void) tar_write_entry(writer, &entry, &why);
  (void) tar_write_contents(writer, text, 10, &why);
  is_int(tar_write_fill(writer, &why), 1, "what is missing is told");
  is_int(tar_write_finish(writer, &why), 0, "the end");
  tar_write_close(writer);
  is_int((long) archive.size, 8 * TAR_BLOCK, "every entry is padded");

  (void) tar_open((struct tar_source){next_piece, NULL}, &tar, &why);
  is_int(tar_next(tar, &read, &why), 1, "the first is read");
  is_int(tar_read(tar, &bytes, &offset, &why), 600, "…with its contents");
  is_int(memcmp(bytes, text, 600), 0, "…as they were");
  is_int(tar_next(tar, &read, &why), 1, "the second is read");
  is_int(tar_read(tar, &bytes, &offset, &why), 600, "…with as many bytes as it promised");
  is_int(bytes[9] == 'x' && bytes[10] == 0 && bytes[599] == 0, 1, "…zeros for those missing");
  is_int(tar_next(tar, &read, &why), 0, "and there is nothing more");
  tar_close(tar);
}

static void test_attributes(void) {
  static char large[65536];
  const struct tar_xattr xattrs[] = {
      {"user.z", "\0\n=", 3}, {"security.capability", "\1\0\0\2", 4}, {"user.empty", "", 0}};
  struct tar_xattr many[TAR_XATTRS_MAX + 1];
  struct tar_entry entry = {
      .type = TAR_FILE, .name = "f", .link = "", .xattrs = xattrs, .xattr_count = 3};
  struct failure why = {0};
  struct tar *tar;

  const struct tar_entry *read = through(&entry, &tar);
  is_int((long) read->xattr_count, 3, "attributes");
  is_text(read->xattrs[0].name, "security.capability", "…in the order of their names");
  is_text(read->xattrs[2].name, "user.z", "…all of them");
  is_int(memcmp(read->xattrs[2].value, "\0\n=", 3), 0, "…whatever bytes they have");
  tar_close(tar);

  for (size_t i = 0; i <= TAR_XATTRS_MAX; i++)
    many[i] = (struct tar_xattr){"user.many", large, sizeof large};
  struct tar_writer *writer = begin();
  entry.xattrs = many;
  entry.xattr_count = 16;
  is_int(tar_write_entry(writer, &entry, &why), -EMSGSIZE, "a megabyte of attributes is refused");
  many[0].name = "user.a=b";
  entry.xattr_count = 1;
  is_int(tar_write_entry(writer, &entry, &why), -EOPNOTSUPP, "= in the name of one is refused");
  many[0].name = "user.many";
  entry.xattr_count = TAR_XATTRS_MAX + 1;
  is_int(tar_write_entry(writer, &entry, &why), -EMSGSIZE, "…and so are too many");
  tar_write_close(writer);
}

/* The length of a record counts its own digits: over every step from two digits to four. */
static void test_lengths(void) {
  static char value[1100];
  int good = 1;

  memset(value, 'v', sizeof value);
  for (size_t size = 0; size < sizeof value; size++) {
    const struct tar_xattr xattr = {"user.v", value, size};
    struct tar_entry entry = {
        .type = TAR_FIFO, .name = "f", .link = "", .xattrs = &xattr, .xattr_count = 1};
    struct tar *tar;

    const struct tar_entry *read = through(&entry, &tar);
    good = good && read != NULL && read->xattr_count == 1 && read->xattrs[0].size == size;
    tar_close(tar);
  }
  is_int(good, 1, "records of every length");
}

int main(void) {
  test_names();
  test_numbers();
  test_size();
  test_contents();
  test_attributes();
  test_lengths();
  return done_testing();
}
