/* fuzz_untar.c — any tar, unpacked into a directory: nothing comes to be outside of it.
 *
 * The first byte chooses how, the second the length of the pieces. The mutator of fuzz_tar.c puts
 * checksums right; here it is enough to begin with its corpus. */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../core/tree.h"
#include "../core/untar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

struct pieces {
  const uint8_t *bytes;
  size_t left;
  size_t length;
};

static int next_piece(void *context, const unsigned char **ret_bytes, struct failure *why) {
  struct pieces *pieces = context;
  const size_t n = pieces->left < pieces->length ? pieces->left : pieces->length;

  (void) why;
  *ret_bytes = pieces->bytes;
  pieces->bytes += n;
  pieces->left -= n;
  return (int) n;
}

static char folder[] = "/tmp/fuzz-untar-XXXXXX";

static void clear(void) {
  struct failure why;

  if (chdir("/") == 0)
    (void) tree_remove(AT_FDCWD, folder, &why);
}

/* folder/outside/witness, and folder/in, where a link leads out and one into it. */
static void prepare(void) {
  struct failure why;

  static bool is_made;

  if (!is_made && (mkdtemp(folder) == NULL || atexit(clear) != 0))
    abort();
  is_made = true;
  if (chdir(folder) < 0)
    abort();
  (void) tree_remove(AT_FDCWD, "in", &why);
  (void) tree_remove(AT_FDCWD, "outside", &why);
  if (mkdir("in", 0700) < 0 || mkdir("outside", 0700) < 0 || mkdir("in/d", 0700) < 0 ||
      symlink("../outside", "in/l") < 0 || symlink("l/new", "in/m") < 0)
    abort();
  (void) close(open("outside/witness", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

static void check(void) {
  struct stat st;

  assert(stat("outside/witness", &st) == 0 && st.st_size == 0 && st.st_nlink == 1);
  assert((st.st_mode & 07777) == 0600);
  assert(unlink("outside/witness") == 0);
  assert(rmdir("outside") == 0); /* nothing else is in it */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct pieces pieces = {data + 2, size - 2, 0};
  struct untar_summary summary;
  struct failure why = {0};
  struct tar *tar;
  char target[64];

  if (size < 2)
    return 0;
  prepare();
  pieces.length = 1 + (size_t) data[1] * 7;
  (void) snprintf(target, sizeof target, "%s/in/%s", folder, (data[0] & 1) != 0 ? "d" : "");
  if (tar_open((struct tar_source){next_piece, &pieces}, &tar, &why) < 0)
    return 0;
  const struct untar_options options = {
      .root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC),
      .target = target,
      .keeps_owners = (data[0] & 2) != 0,
      .is_stream = (data[0] & 4) != 0,
  };
  if (untar(tar, &options, &summary, &why) < 0)
    assert(why.errnum > 0 && why.what[0] != '\0');
  tar_close(tar);
  (void) close(options.root);
  check();
  return 0;
}

static void put_checksum_right(uint8_t *block) {
  unsigned sum = 8 * ' ';
  char text[8];

  for (size_t i = 0; i < 512; i++)
    sum += i < 148 || i >= 156 ? block[i] : 0;
  snprintf(text, sizeof text, "%06o", sum);
  memcpy(block + 148, text, 7);
  block[155] = ' ';
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
  (void) seed;
  size = LLVMFuzzerMutate(data, size, max_size);
  for (size_t at = 2; at + 512 <= size; at += 512)
    if (data[at + 155] == ' ' || memcmp(data + at + 257, "ustar", 5) == 0)
      put_checksum_right(data + at);
  return size;
}
