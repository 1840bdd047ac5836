/* blob.c — blob FILE: stdin into a new file, hashed as it is and as what it unpacks to. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/inflate.h"
#include "report.h"
#include "verb.h"

static int copy(int to, struct inflate_summary *ret_summary, struct failure *why) {
  struct inflate *blob = NULL;

  int r = inflate_open(STDIN_FILENO, to, &blob, why);
  if (r < 0)
    return r;
  r = inflate_finish(blob, ret_summary, why);
  inflate_close(blob);
  return r;
}

int blob_main(int argc, char *argv[], struct failure *why) {
  struct inflate_summary summary = {0};

  if (argc != 1)
    return fail(why, EINVAL, "blob needs a file");
  autoclose int to = open(argv[0], O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (to < 0)
    return fail(why, errno, "create %s", argv[0]);

  int r = copy(to, &summary, why);
  /* Some file systems tell here that they are full. */
  if (r == 0 && close(steal_fd(&to)) < 0)
    r = fail(why, errno, "write %s", argv[0]);
  if (r < 0) {
    (void) unlink(argv[0]);
    return r;
  }

  struct report report = report_open("blob");
  report_text(&report, "digest", summary.digest);
  report_number(&report, "size", (long long) summary.size);
  report_text(&report, "diffId", summary.diff_id);
  report_number(&report, "diffSize", (long long) summary.diff_size);
  report_text(&report, "compression", summary.compression);
  report_send(&report);
  return 0;
}
