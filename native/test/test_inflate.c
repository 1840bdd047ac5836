/* test_inflate.c — blobs of every compression, whole and broken. */
#include "../core/inflate.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "tap.h"

#define PLAIN_BYTES 300000u

static unsigned char plain[PLAIN_BYTES];

struct blob {
  unsigned char bytes[4 * PLAIN_BYTES];
  size_t size;
};

static struct blob blob;

static void add(const void *bytes, size_t size) {
  memcpy(blob.bytes + blob.size, bytes, size);
  blob.size += size;
}

static void add_gzip_of(size_t size) {
  z_stream stream = {0};

  (void) deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = plain;
  stream.avail_in = (uInt) size;
  stream.next_out = blob.bytes + blob.size;
  stream.avail_out = (uInt) (sizeof blob.bytes - blob.size);
  (void) deflate(&stream, Z_FINISH);
  blob.size += stream.total_out;
  (void) deflateEnd(&stream);
}

static void add_zstd_of(size_t size) {
  blob.size += ZSTD_compress(blob.bytes + blob.size, sizeof blob.bytes - blob.size, plain, size, 3);
}

static void add_gzip(void) {
  add_gzip_of(PLAIN_BYTES);
}

static void add_zstd(void) {
  add_zstd_of(PLAIN_BYTES);
}

static int read_blob(int copy, struct inflate_summary *ret_summary, struct failure *why) {
  struct inflate *reader = NULL;
  const int fd = memfd_create("blob", MFD_CLOEXEC);

  if (write(fd, blob.bytes, blob.size) != (ssize_t) blob.size || lseek(fd, 0, SEEK_SET) != 0)
    return -EIO;
  int r = inflate_open(fd, copy, &reader, why);
  if (r == 0)
    r = inflate_finish(reader, ret_summary, why);
  inflate_close(r < 0 && reader == NULL ? NULL : reader);
  close(fd);
  return r;
}

static void is_read(const char *compression, size_t diff_size, const char *name) {
  struct inflate_summary summary = {.compression = ""};
  struct failure why = {0};

  is_int(read_blob(-1, &summary, &why), 0, name);
  is_text(summary.compression, compression, "…by the right name");
  is_int((long) summary.size, (long) blob.size, "…every byte of it");
  is_int((long) summary.diff_size, (long) diff_size, "…and nothing lost");
  blob.size = 0;
}

static void is_refused(int errnum, const char *what, const char *name) {
  struct inflate_summary summary;
  struct failure why = {0};

  is_int(read_blob(-1, &summary, &why), -errnum, name);
  if (what != NULL)
    is_text(why.what, what, "…in words");
  blob.size = 0;
}

static void whole(void) {
  is_read("none", 0, "an empty blob is empty");
  add(plain, PLAIN_BYTES);
  is_read("none", PLAIN_BYTES, "what is not compressed goes through");
  add_gzip();
  is_read("gzip", PLAIN_BYTES, "gzip is unpacked");
  add_gzip();
  add_gzip();
  is_read("gzip", 2 * PLAIN_BYTES, "members of gzip follow each other");
  add_gzip();
  add("\0\0\0\0\0", 5);
  is_read("gzip", PLAIN_BYTES, "zeros after the end are padding");
  add_zstd();
  is_read("zstd", PLAIN_BYTES, "zstd is unpacked");
  add_zstd();
  add_zstd();
  is_read("zstd", 2 * PLAIN_BYTES, "frames of zstd follow each other");
  add("\x50\x2a\x4d\x18\x04\0\0\0skip", 12);
  add_zstd();
  add("\x5e\x2a\x4d\x18\x01\0\0\0x", 9);
  is_read("zstd", PLAIN_BYTES, "skippable frames are skipped");
  add("BZhappy", 7);
  is_read("none", 7, "a name like a compression is none");
}

/* The last byte fills the piece to its end: nothing tells of more to come. */
static void whole_pieces(void) {
  add_gzip_of(INFLATE_PIECE_MAX);
  is_read("gzip", INFLATE_PIECE_MAX, "gzip of one whole piece is unpacked");
  add_gzip_of(INFLATE_PIECE_MAX);
  add_gzip_of(INFLATE_PIECE_MAX);
  is_read("gzip", 2u * INFLATE_PIECE_MAX, "members of one whole piece follow each other");
  add_gzip_of(INFLATE_PIECE_MAX);
  add("\0\0\0\0\0", 5);
  is_read("gzip", INFLATE_PIECE_MAX, "zeros after a whole piece of gzip are padding");
  add_zstd_of(INFLATE_PIECE_MAX);
  is_read("zstd", INFLATE_PIECE_MAX, "zstd of one whole piece is unpacked");
  add_zstd_of(INFLATE_PIECE_MAX);
  add("\0\0\0\0\0", 5);
  is_read("zstd", INFLATE_PIECE_MAX, "zeros after a whole piece of zstd are padding");
}

static void broken(void) {
  add_gzip();
  blob.size -= 4;
  is_refused(EBADMSG, NULL, "gzip that ends early is refused");
  add_gzip();
  blob.bytes[blob.size - 8] ^= 1;
  is_refused(EBADMSG, NULL, "a wrong checksum is refused");
  add_gzip();
  add("garbage", 7);
  is_refused(EBADMSG, NULL, "garbage after gzip is refused");
  add_gzip();
  add("\0\0x", 3);
  is_refused(EBADMSG, NULL, "garbage after padding is refused");
  add_zstd();
  blob.size--;
  is_refused(EBADMSG, NULL, "zstd that ends early is refused");
  add_zstd();
  add("garbage", 7);
  is_refused(EBADMSG, NULL, "garbage after zstd is refused");
  add("\x1f\x8b\x08", 3);
  is_refused(EBADMSG, NULL, "a gzip header alone is refused");
  add("\xfd"
      "7zXZ\0\0\4",
      8);
  is_refused(EOPNOTSUPP, "read blob compressed with xz", "xz is refused");
  add("BZh91AY&SY", 10);
  is_refused(EOPNOTSUPP, "read blob compressed with bzip2", "bzip2 is refused");
  add("LZIP\x01", 5);
  is_refused(EOPNOTSUPP, "read blob compressed with lzip", "lzip is refused");
}

static void digests(void) {
  static const char empty[] =
      "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  static const char abc[] =
      "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  struct inflate_summary summary;
  struct failure why;
  char copied[4] = "";
  const int copy = memfd_create("copy", MFD_CLOEXEC);

  is_int(read_blob(-1, &summary, &why), 0, "an empty blob is read");
  is_text(summary.digest, empty, "…and has its digest");
  add("abc", 3);
  is_int(read_blob(copy, &summary, &why), 0, "a blob is read and copied");
  is_text(summary.digest, abc, "its digest");
  is_text(summary.diff_id, abc, "what is plain has one digest");
  is_int(pread(copy, copied, 3, 0), 3, "the copy is there");
  is_text(copied, "abc", "…and the same");
  close(copy);
}

int main(void) {
  unsigned seed = 1;

  for (size_t i = 0; i < PLAIN_BYTES; i++) {
    seed = seed * 1103515245u + 12345u;
    plain[i] = (unsigned char) (seed >> 16 & (i % 3 == 0 ? 0xff : 0x3));
  }
  whole();
  whole_pieces();
  broken();
  blob.size = 0;
  digests();
  return done_testing();
}
