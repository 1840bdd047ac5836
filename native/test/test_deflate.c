/* test_deflate.c — streams become blobs: the same however they came, and read back as they were. */
#include "../core/deflate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/inflate.h"
#include "tap.h"

#define STREAM_MAX (9 * DEFLATE_BLOCK + 12345)

static unsigned char stream[STREAM_MAX];

/* Text of a kind: it shrinks, but not to nothing. */
static void fill_stream(void) {
  unsigned state = 1;

  for (size_t i = 0; i < STREAM_MAX; i++) {
    state = state * 1103515245 + 12345;
    stream[i] = (unsigned char) ("feijoada e arroz"[state >> 28]);
  }
}

struct recipe {
  const char *compression;
  size_t size;
  size_t piece;
  unsigned threads;
};

static int blob_of(struct recipe recipe, struct deflate_summary *ret_summary, struct failure *why) {
  struct deflate *deflate = NULL;
  const int fd = memfd_create("blob", MFD_CLOEXEC);
  int r = deflate_open(recipe.compression, fd, recipe.threads, &deflate, why);

  for (size_t at = 0; r == 0 && at < recipe.size; at += recipe.piece) {
    const size_t left = recipe.size - at;

    r = deflate_write(deflate, stream + at, left < recipe.piece ? left : recipe.piece, why);
  }
  if (r == 0)
    r = deflate_finish(deflate, ret_summary, why);
  deflate_close(r < 0 && deflate == NULL ? NULL : deflate);
  if (r < 0) {
    (void) close(fd);
    return r;
  }
  (void) lseek(fd, 0, SEEK_SET);
  return fd;
}

static int is_stream(int fd, size_t size, struct inflate_summary *ret_summary) {
  struct inflate *inflate = NULL;
  const unsigned char *bytes;
  struct failure why = {0};
  size_t at = 0;
  int n = inflate_open(fd, -1, &inflate, &why);

  while (n >= 0 && (n = inflate_next(inflate, &bytes, &why)) > 0) {
    if (at + (size_t) n > size || memcmp(stream + at, bytes, (size_t) n) != 0)
      n = -EBADMSG;
    at += n > 0 ? (size_t) n : 0;
  }
  if (n == 0)
    n = inflate_finish(inflate, ret_summary, &why);
  inflate_close(inflate);
  if (n < 0)
    printf("# %s\n", why.what);
  return n == 0 && at == size;
}

static void test_back_and_forth(const char *compression, size_t size) {
  struct deflate_summary packed = {0};
  struct inflate_summary read = {.compression = ""};
  struct failure why = {0};
  char name[80];

  const int fd = blob_of((struct recipe){compression, size, 100000, 0}, &packed, &why);
  (void) snprintf(name, sizeof name, "%s of %zu bytes", compression, size);
  is_int(fd >= 0 && is_stream(fd, size, &read), 1, name);
  is_text(read.digest, packed.digest, "…has the digest that was told");
  is_text(read.diff_id, packed.diff_id, "…and the diff id");
  is_int((long) read.size, (long) packed.size, "…and the size");
  is_int((long) read.diff_size, (long) packed.diff_size, "…of both sides");
  if (size > 0)
    is_text(read.compression, compression, "…by its right name");
  (void) close(fd);
}

static void test_same_bytes(const char *compression) {
  const size_t size = STREAM_MAX;
  const struct recipe recipes[] = {
      {compression, size, size, 1},  {compression, size, size, 2}, {compression, size, 7777, 5},
      {compression, size, 512, 100}, {compression, size, size, 0},
  };
  char first[HASH_TEXT_SIZE];

  for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++) {
    struct deflate_summary packed = {0};
    struct failure why = {0};

    (void) close(blob_of(recipes[i], &packed, &why));
    if (i == 0)
      memcpy(first, packed.digest, sizeof first);
    is_text(packed.digest, first, "the same bytes, by any number of threads");
  }
}

/* In a process that may have no more of them; the kernel does not ask root. */
static _Noreturn void pack_without_threads(const char *wanted) {
  const struct rlimit none = {0, 0};
  struct deflate_summary packed = {0};
  struct failure why = {0};

  if ((geteuid() == 0 && setresuid(65534, 65534, 65534) < 0) || setrlimit(RLIMIT_NPROC, &none) < 0)
    _exit(2);
  const int fd = blob_of((struct recipe){"gzip", STREAM_MAX, STREAM_MAX, 4}, &packed, &why);
  _exit(fd < 0 || strcmp(packed.digest, wanted) != 0);
}

static void test_no_threads(void) {
  struct deflate_summary packed = {0};
  struct failure why = {0};
  int status = -1;

  (void) close(blob_of((struct recipe){"gzip", STREAM_MAX, STREAM_MAX, 4}, &packed, &why));
  const pid_t pid = fork();
  if (pid == 0)
    pack_without_threads(packed.digest);
  (void) waitpid(pid, &status, 0);
  is_int(status, 0, "the same bytes where no thread may be started");
}

static void test_failures(void) {
  struct deflate *deflate = NULL;
  struct failure why = {0};
  int r = 0;

  is_int(deflate_open("lzma", -1, 0, &deflate, &why), -EINVAL, "an unknown compression");
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  is_int(deflate_open("gzip", full, 2, &deflate, &why), 0, "a full disk");
  for (int i = 0; i < 50 && r == 0; i++)
    r = deflate_write(deflate, stream, STREAM_MAX, &why);
  is_int(r, -ENOSPC, "…is told while writing");
  deflate_close(deflate);

  is_int(deflate_open("zstd", full, 2, &deflate, &why), 0, "a full disk, and a short stream");
  struct deflate_summary summary;
  (void) deflate_write(deflate, stream, 100, &why);
  is_int(deflate_finish(deflate, &summary, &why), -ENOSPC, "…is told at its end");
  deflate_close(deflate);
  (void) close(full);

  const int fd = memfd_create("blob", MFD_CLOEXEC);
  (void) deflate_open("gzip", fd, 2, &deflate, &why);
  is_int(deflate_write(deflate, stream, STREAM_MAX, &why), 0, "a stream that is given up");
  deflate_close(deflate);
  (void) close(fd);
  is_int(1, 1, "…has no threads left");
}

int main(void) {
  static const char *const names[] = {"gzip", "zstd", "none"};
  const size_t sizes[] = {0, 1, DEFLATE_BLOCK, DEFLATE_BLOCK + 1, STREAM_MAX};

  fill_stream();
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++)
      test_back_and_forth(names[i], sizes[j]);
    test_same_bytes(names[i]);
  }
  test_no_threads();
  test_failures();
  return done_testing();
}
