/* measure.c — measure PATH…: how much lies in each of the trees, as root of the user namespace, who
 * may look into what the ids inside own. One event for each, in their order. */
#include <errno.h>
#include <fcntl.h>

#include "../core/measure.h"
#include "report.h"
#include "verb.h"

int measure_main(int argc, char *argv[], struct failure *why) {
  if (argc < 1)
    return fail(why, EINVAL, "measure needs a path");
  for (int i = 0; i < argc; i++) {
    struct tree_size size;
    const int r = measure_tree(AT_FDCWD, argv[i], &size, why);

    if (r < 0)
      return r;
    struct report report = report_open("measured");
    report_number(&report, "bytes", (long long) size.bytes);
    report_number(&report, "entries", (long long) size.entries);
    report_number(&report, "partial", size.is_partial);
    report_send(&report);
  }
  return 0;
}
