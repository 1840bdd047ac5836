/* remove.c — remove PATH…: delete trees as root of the user namespace, the only one who may
 * touch what the ids inside own. */
#include <errno.h>
#include <fcntl.h>

#include "../core/tree.h"
#include "verb.h"

int remove_main(int argc, char *argv[], struct failure *why) {
  if (argc < 1)
    return fail(why, EINVAL, "remove needs a path");
  for (int i = 0; i < argc; i++) {
    const int r = tree_remove(AT_FDCWD, argv[i], why);

    if (r < 0)
      return r;
  }
  return 0;
}
