/* test_tar.c — the tar reader: every format it knows, and what it refuses. */
#include "../core/tar.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "tap.h"

/* An archive being written, then read in pieces of `piece` bytes. */
struct archive {
  unsigned char bytes[65536];
  size_t size;
  size_t used;
  size_t piece;
};

struct field {
  const char *name;
  char type;
  const char *magic; /* NULL: ustar */
};

static void seal(unsigned char *block) {
  unsigned sum = 0;

  memset(block + 148, ' ', 8);
  for (size_t i = 0; i < TAR_BLOCK; i++)
    sum += block[i];
  snprintf((char *) block + 148, 8, "%06o", sum);
}

static unsigned char *put_header(struct archive *archive, struct field field, size_t size) {
  unsigned char *block = archive->bytes + archive->size;

  memset(block, 0, TAR_BLOCK);
  strncpy((char *) block, field.name, 100);
  memcpy(block + 100, "0000644", 8);
  memcpy(block + 108, "0000001", 8);
  memcpy(block + 116, "0000002", 8);
  snprintf((char *) block + 124, 12, "%011o", (unsigned) size);
  memcpy(block + 136, "00000000007", 12);
  block[156] = (unsigned char) field.type;
  memcpy(block + 257, field.magic != NULL ? field.magic : "ustar\00000", 8);
  seal(block);
  archive->size += TAR_BLOCK;
  return block;
}

static void put_bytes(struct archive *archive, const char *bytes, size_t size) {
  memcpy(archive->bytes + archive->size, bytes, size);
  archive->size += (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
}

static void put(struct archive *archive, const char *name, char type, const char *content) {
  put_header(archive, (struct field){name, type, NULL}, strlen(content));
  put_bytes(archive, content, strlen(content));
}

static void put_end(struct archive *archive) {
  archive->size += 2 * TAR_BLOCK;
}

static int next_piece(void *context, const unsigned char **ret_bytes, struct failure *why) {
  struct archive *archive = context;
  const size_t left = archive->size - archive->used;
  const size_t n = left < archive->piece ? left : archive->piece;

  (void) why;
  *ret_bytes = archive->bytes + archive->used;
  archive->used += n;
  return (int) n;
}

static struct tar *open_tar(struct archive *archive, size_t piece) {
  struct failure why;
  struct tar *tar = NULL;

  archive->piece = piece;
  archive->used = 0;
  (void) tar_open((struct tar_source){next_piece, archive}, &tar, &why);
  return tar;
}

/* The first result that is no entry, and how many entries came before it. */
static int read_all(struct archive *archive, size_t piece, int *ret_entries) {
  const struct tar_entry *entry;
  struct failure why = {0};
  struct tar *tar = open_tar(archive, piece);
  int r;

  for (*ret_entries = 0; (r = tar_next(tar, &entry, &why)) > 0; (*ret_entries)++)
    continue;
  tar_close(tar);
  return r;
}

/* The only entry's fields and contents. */
static struct tar_entry read_one(struct archive *archive, size_t piece, char *ret_content,
                                 struct tar **ret_tar) {
  const struct tar_entry *entry = NULL;
  const unsigned char *bytes;
  struct failure why = {0};
  int64_t offset;
  int n;

  *ret_tar = open_tar(archive, piece);
  if (tar_next(*ret_tar, &entry, &why) <= 0) {
    printf("# %s\n", why.what);
    return (struct tar_entry){.name = "", .link = "", .size = -1};
  }
  while ((n = tar_read(*ret_tar, &bytes, &offset, &why)) > 0)
    memcpy(ret_content + offset, bytes, (size_t) n);
  return *entry;
}

static void plain_entries(void) {
  static const size_t pieces[] = {1, 7, 512, 10240, 65536};
  struct archive archive = {0};
  char content[1024] = "";
  struct tar *tar;
  int entries;

  put(&archive, "etc/hosts", '0', "localhost");
  put(&archive, "etc/", '5', "");
  put_end(&archive);
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
    is_int(read_all(&archive, pieces[i], &entries), 0, "two zero blocks are the end");
    is_int(entries, 2, "every entry is there, whatever the pieces");
  }
  const struct tar_entry entry = read_one(&archive, 7, content, &tar);
  is_text(entry.name, "etc/hosts", "its name");
  is_text(content, "localhost", "its contents");
  is_int((long) entry.mode, 0644, "its mode");
  is_int(entry.uid, 1, "its owner");
  is_int(entry.gid, 2, "its group");
  is_int(entry.mtime, 7, "its time");
  tar_close(tar);
}

static void ends(void) {
  struct archive archive = {0};
  int entries;

  is_int(read_all(&archive, 512, &entries), 0, "an empty input is an empty archive");
  put(&archive, "f", '0', "x");
  is_int(read_all(&archive, 512, &entries), 0, "end blocks may be missing");
  is_int(entries, 1, "…and nothing is lost");
  archive.size -= 500;
  is_int(read_all(&archive, 512, &entries), 0, "padding may be missing at the end");
  archive.size = 512;
  is_int(read_all(&archive, 512, &entries), -EBADMSG, "contents may not");
  archive.size = 300;
  is_int(read_all(&archive, 512, &entries), -EBADMSG, "nor part of a header");
}

static void refused(void) {
  struct archive archive = {0};
  int entries;

  put(&archive, "f", '0', "x");
  archive.bytes[0] = 'g';
  is_int(read_all(&archive, 512, &entries), -EBADMSG, "a wrong checksum is refused");

  archive = (struct archive){0};
  memcpy(put_header(&archive, (struct field){"f", '0', NULL}, 0) + 124, "-0000000001", 11);
  seal(archive.bytes);
  is_int(read_all(&archive, 512, &entries), -EBADMSG, "a size with a sign is refused");

  archive = (struct archive){0};
  memset(put_header(&archive, (struct field){"f", '0', NULL}, 0) + 124, 0xff, 12);
  seal(archive.bytes);
  is_int(read_all(&archive, 512, &entries), -EBADMSG, "a size of -1 in base 256 is refused");

  archive = (struct archive){0};
  put(&archive, "f", 'V', "");
  is_int(read_all(&archive, 512, &entries), -EOPNOTSUPP, "unknown types are refused");

  archive = (struct archive){0};
  put(&archive, "x", 'x', "10 path=x\n");
  put_end(&archive);
  is_int(read_all(&archive, 512, &entries), -EBADMSG, "an extended header alone is refused");

  archive = (struct archive){0};
  put_header(&archive, (struct field){"x", 'x', NULL}, 1u << 30);
  is_int(read_all(&archive, 512, &entries), -EBADMSG, "a huge extended header is refused");
}

static void pax(void) {
  static const char records[] = "16 path=long/er\n"
                                "13 uid=70000\n"
                                "19 mtime=-1.250000\n"
                                "27 SCHILY.xattr.user.x=y\0z\n";
  struct archive archive = {0};
  char content[1024] = "";
  struct tar *tar;

  put_header(&archive, (struct field){"x", 'x', NULL}, sizeof records - 1);
  put_bytes(&archive, records, sizeof records - 1);
  put(&archive, "short", '0', "content");
  put_end(&archive);
  const struct tar_entry entry = read_one(&archive, 100, content, &tar);
  is_text(entry.name, "long/er", "pax names replace the header's");
  is_int(entry.uid, 70000, "so do owners");
  is_int(entry.mtime, -2, "times before 1970 count down");
  is_int((long) entry.mtime_nsec, 750000000, "…and their fractions up");
  is_int((long) entry.xattr_count, 1, "extended attributes are there");
  is_text(entry.xattr_count > 0 ? entry.xattrs[0].name : "", "user.x", "by name");
  is_int(entry.xattr_count > 0 ? (long) entry.xattrs[0].size : 0, 3, "with every byte");
  tar_close(tar);

  static const char *const malformed[] = {"9 path=x\n", "99 path=x\n", "path=x\n",   "9 path\nxx\n",
                                          " path=x\n",  "0 path=x\n",  "-9 path=x\n"};
  for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
    int entries;

    archive = (struct archive){0};
    put(&archive, "x", 'x', malformed[i]);
    put(&archive, "f", '0', "");
    put_end(&archive);
    is_int(read_all(&archive, 512, &entries), i == 0 ? 0 : -EBADMSG,
           i == 0 ? "a right record is taken" : "a malformed record is refused");
  }
}

static void gnu(void) {
  struct archive archive = {0};
  char content[1024] = "";
  char name[301] = "";
  struct tar *tar;

  memset(name, 'n', 300);
  put(&archive, "././@LongLink", 'L', name);
  put(&archive, "nnn", '0', "content");
  put_end(&archive);
  struct tar_entry entry = read_one(&archive, 512, content, &tar);
  is_text(entry.name, name, "a GNU long name");
  tar_close(tar);

  archive = (struct archive){0};
  unsigned char *block = put_header(&archive, (struct field){"big", '0', "ustar  "}, 0);
  memcpy(block + 108, "\x80\0\0\0\xff\0\0\0", 8);
  memcpy(block + 136, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe", 12);
  seal(block);
  entry = read_one(&archive, 512, content, &tar);
  is_int(entry.uid, 0xff000000L, "a number in base 256");
  is_int(entry.mtime, -2, "…and a negative one");
  tar_close(tar);
}

static void star(void) {
  struct archive archive = {0};
  char content[1024] = "";
  char name[131 + 3] = "";
  struct tar *tar;

  memset(name, 'd', 131);
  unsigned char *block = put_header(&archive, (struct field){"f", '0', NULL}, 0);
  memcpy(block + 345, name, 131);
  memcpy(block + 345 + 131, "07346545000 00000000001 ", 24);
  memcpy(block + 508, "tar", 4);
  seal(block);
  put_end(&archive);
  const struct tar_entry entry = read_one(&archive, 512, content, &tar);
  memcpy(name + 131, "/f", 3);
  is_text(entry.name, name, "star's prefix ends where its times begin");
  tar_close(tar);
}

static void sparse(void) {
  static const char records[] = "22 GNU.sparse.major=1\n"
                                "22 GNU.sparse.minor=0\n"
                                "22 GNU.sparse.name=it\n"
                                "27 GNU.sparse.realsize=800\n";
  struct archive archive = {0};
  char content[1024] = "";
  char data[TAR_BLOCK + 6] = "2\n0\n4\n500\n2\n";
  struct tar *tar;
  int entries;

  memcpy(data + TAR_BLOCK, "abcdef", 6);
  put(&archive, "x", 'x', records);
  put_header(&archive, (struct field){"GNUSparseFile.0/it", '0', NULL}, sizeof data);
  put_bytes(&archive, data, sizeof data);
  put(&archive, "after", '0', "");
  put_end(&archive);
  const struct tar_entry entry = read_one(&archive, 3, content, &tar);
  is_text(entry.name, "it", "a sparse file has its own name");
  is_int(entry.size, 800, "…and size");
  is_text(content, "abcd", "the first piece lies where it belongs");
  is_text(content + 500, "ef", "…and so does the second");
  tar_close(tar);
  is_int(read_all(&archive, 512, &entries), 0, "what comes after is found");
  is_int(entries, 2, "…all of it");

  archive.bytes[2 * TAR_BLOCK + TAR_BLOCK + 4] = '9'; /* the first piece: 9 bytes of 6 */
  is_int(read_all(&archive, 512, &entries), -EBADMSG, "a map that lies is refused");
}

int main(void) {
  plain_entries();
  ends();
  refused();
  pax();
  gnu();
  star();
  sparse();
  return done_testing();
}
