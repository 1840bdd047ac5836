/* blob.c — blob [--plain | --packed | --gzip | --zstd] FILE: stdin into a new file, hashed as it is
 * and as what it unpacks to.
 *
 * With --plain the file holds what it unpacks to; with --packed it is not looked into, and hashed
 * only as it is. With --gzip and --zstd the file holds what it unpacks to, compressed so, and what
 * is told is of the file, not of stdin: the same content gives the same bytes. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/deflate.h"
#include "../core/fd.h"
#include "../core/inflate.h"
#include "report.h"
#include "verb.h"

typedef int copier(int to, struct inflate_summary *ret_summary, struct failure *why);

static int write_plain(struct inflate *blob, int to, struct failure *why) {
  const unsigned char *bytes = NULL;
  int n;

  while ((n = inflate_next(blob, &bytes, why)) > 0)
    if (fd_write_all(to, bytes, (size_t) n, why) < 0)
      return -why->errnum;
  return n;
}

static int copy_plain(int to, struct inflate_summary *ret_summary, struct failure *why) {
  struct inflate *blob = NULL;

  int r = inflate_open(STDIN_FILENO, -1, &blob, why);
  if (r < 0)
    return r;
  r = write_plain(blob, to, why);
  if (r == 0)
    r = inflate_finish(blob, ret_summary, why);
  inflate_close(blob);
  return r;
}

static int copy_both(int to, struct inflate_summary *ret_summary, struct failure *why) {
  struct inflate *blob = NULL;

  int r = inflate_open(STDIN_FILENO, to, &blob, why);
  if (r < 0)
    return r;
  r = inflate_finish(blob, ret_summary, why);
  inflate_close(blob);
  return r;
}

static int copy_packed(int to, struct inflate_summary *ret_summary, struct failure *why) {
  autofree unsigned char *bytes = malloc(INFLATE_PIECE_MAX);
  struct hash hash;
  ssize_t n;

  if (bytes == NULL)
    return fail(why, ENOMEM, "copy blob");
  hash_begin(&hash);
  while ((n = read(STDIN_FILENO, bytes, INFLATE_PIECE_MAX)) != 0) {
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return fail(why, errno, "read blob");
    hash_update(&hash, bytes, (size_t) n);
    ret_summary->size += (uint64_t) n;
    if (fd_write_all(to, bytes, (size_t) n, why) < 0)
      return -why->errnum;
  }
  hash_text(&hash, ret_summary->digest);
  return 0;
}

static int write_deflated(struct inflate *blob, struct deflate *deflate,
                          struct deflate_summary *ret_summary, struct failure *why) {
  const unsigned char *bytes = NULL;
  int n;

  while ((n = inflate_next(blob, &bytes, why)) > 0)
    if (deflate_write(deflate, bytes, (size_t) n, why) < 0)
      return -why->errnum;
  return n < 0 ? n : deflate_finish(deflate, ret_summary, why);
}

static int copy_compressed(const char *compression, int to, struct inflate_summary *ret_summary,
                           struct failure *why) {
  struct inflate *blob = NULL;
  struct deflate *deflate = NULL;
  struct deflate_summary written;

  int r = inflate_open(STDIN_FILENO, -1, &blob, why);
  if (r < 0)
    return r;
  /* What came in is known by what it unpacks to, which is hashed on the other side. */
  inflate_without_digests(blob);
  r = deflate_open(compression, to, 0, &deflate, why);
  if (r == 0)
    r = write_deflated(blob, deflate, &written, why);
  deflate_close(deflate);
  inflate_close(blob);
  if (r < 0)
    return r;
  ret_summary->compression = compression;
  ret_summary->size = written.size;
  ret_summary->diff_size = written.diff_size;
  memcpy(ret_summary->digest, written.digest, sizeof ret_summary->digest);
  memcpy(ret_summary->diff_id, written.diff_id, sizeof ret_summary->diff_id);
  return 0;
}

static int copy_gzip(int to, struct inflate_summary *ret_summary, struct failure *why) {
  return copy_compressed("gzip", to, ret_summary, why);
}

static int copy_zstd(int to, struct inflate_summary *ret_summary, struct failure *why) {
  return copy_compressed("zstd", to, ret_summary, why);
}

static const struct {
  const char *option;
  copier *copy;
} copiers[] = {
    {"--plain", copy_plain},
    {"--packed", copy_packed},
    {"--gzip", copy_gzip},
    {"--zstd", copy_zstd},
};

static copier *find_copier(const char *option) {
  for (size_t i = 0; i < sizeof copiers / sizeof *copiers; i++)
    if (strcmp(copiers[i].option, option) == 0)
      return copiers[i].copy;
  return NULL;
}

static void report_blob(const struct inflate_summary *summary) {
  struct report report = report_open("blob");

  report_text(&report, "digest", summary->digest);
  report_number(&report, "size", (long long) summary->size);
  if (summary->compression != NULL) {
    report_text(&report, "diffId", summary->diff_id);
    report_number(&report, "diffSize", (long long) summary->diff_size);
    report_text(&report, "compression", summary->compression);
  }
  report_send(&report);
}

int blob_main(int argc, char *argv[], struct failure *why) {
  struct inflate_summary summary = {.compression = NULL};
  copier *copy = argc == 2 ? find_copier(argv[0]) : copy_both;

  if (argc < 1 || argc > 2 || copy == NULL)
    return fail(why, EINVAL, "blob needs a file");
  const char *path = argv[argc - 1];
  autoclose int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (to < 0)
    return fail(why, errno, "create %s", path);

  int r = copy(to, &summary, why);
  /* Some file systems tell here that they are full. */
  if (r == 0 && close(steal_fd(&to)) < 0)
    r = fail(why, errno, "write %s", path);
  if (r < 0) {
    (void) unlink(path);
    return r;
  }
  report_blob(&summary);
  return 0;
}
