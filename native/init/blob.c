/* blob.c — blob [--plain] FILE: stdin into a new file, hashed as it is and as what it unpacks to.
 *
 * With --plain the file holds what it unpacks to. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/fd.h"
#include "../core/inflate.h"
#include "report.h"
#include "verb.h"

static int write_plain(struct inflate *blob, int to, struct failure *why) {
  const unsigned char *bytes = NULL;
  int n;

  while ((n = inflate_next(blob, &bytes, why)) > 0)
    if (fd_write_all(to, bytes, (size_t) n, why) < 0)
      return -why->errnum;
  return n;
}

static int copy(int to, bool plain, struct inflate_summary *ret_summary, struct failure *why) {
  struct inflate *blob = NULL;

  int r = inflate_open(STDIN_FILENO, plain ? -1 : to, &blob, why);
  if (r < 0)
    return r;
  if (plain)
    r = write_plain(blob, to, why);
  if (r == 0)
    r = inflate_finish(blob, ret_summary, why);
  inflate_close(blob);
  return r;
}

int blob_main(int argc, char *argv[], struct failure *why) {
  struct inflate_summary summary = {0};

  const bool plain = argc == 2 && strcmp(argv[0], "--plain") == 0;
  if (argc != 1 + plain)
    return fail(why, EINVAL, "blob needs a file");
  const char *path = argv[plain];
  autoclose int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (to < 0)
    return fail(why, errno, "create %s", path);

  int r = copy(to, plain, &summary, why);
  /* Some file systems tell here that they are full. */
  if (r == 0 && close(steal_fd(&to)) < 0)
    r = fail(why, errno, "write %s", path);
  if (r < 0) {
    (void) unlink(path);
    return r;
  }

  report_blob(&summary, is_packed);
  return 0;
}
