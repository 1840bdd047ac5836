/* copy_from.c — copy-from VIEW [--follow] PATH NAME: a file, or a directory with all that is in it,
 * becomes a tar on stdout, in which it is called NAME; "" for what is in a directory. VIEW is of
 * view.h. A link is told as such, unless it is to be followed or has a slash behind it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/inside.h"
#include "../core/tar_tree.h"
#include "report.h"
#include "verb.h"
#include "view.h"

static int write_tar(const struct tar_tree *tree, struct tar_output *output, struct failure *why) {
  struct tar_tree_summary summary = {0};
  struct tar_writer *tar = NULL;
  int r = tar_write_open(tar_sink_of(output), &tar, why);

  if (r == 0)
    r = tar_tree_write(tree, tar, &summary, why);
  if (r == 0)
    r = tar_write_finish(tar, why);
  if (r == 0) {
    struct report report = report_open("copied");

    report_number(&report, "size", (long long) tar_write_size(tar));
    report_number(&report, "entries", (long long) summary.entries);
    report_send(&report);
  }
  tar_write_close(tar);
  return r;
}

static int copy(const char *path, const char *name, bool follows, struct failure *why) {
  autoclose int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  autofree struct tar_output *output = calloc(1, sizeof *output);
  struct inside_place place;

  if (root < 0 || output == NULL)
    return fail(why, errno, "open /");
  output->fd = STDOUT_FILENO;
  if (inside_find(root, path, follows, &place, why) < 0)
    return -why->errnum;
  autoclose int parent = place.parent;
  if (!place.exists)
    return fail(why, ENOENT, "open %.120s", path);
  const struct tar_tree tree = {.parent = parent, .name = place.name, .as = name};
  return write_tar(&tree, output, why);
}

int copy_from_main(int argc, char *argv[], struct failure *why) {
  struct view view;
  bool follows = false;

  (void) signal(SIGPIPE, SIG_IGN); /* whoever reads may stop: EPIPE says so */
  int r = view_enter(&argc, &argv, &view, why);
  if (r == 0 && argc == 3 && strcmp(argv[0], "--follow") == 0) {
    follows = true;
    argc--;
    argv++;
  }
  if (r == 0 && argc != 2)
    r = fail(why, EINVAL, "copy-from takes a path and a name");
  if (r == 0) {
    report_end_with_node();
    r = copy(argv[0], argv[1], follows, why);
  }
  view_leave(&view);
  return r;
}
