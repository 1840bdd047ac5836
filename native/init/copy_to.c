/* copy_to.c — copy-to VIEW [--stream] [--owners] PATH: a tar on stdin, which may be packed, goes to
 * PATH, by the rules of core/untar.h. VIEW is of view.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/inflate.h"
#include "../core/untar.h"
#include "report.h"
#include "verb.h"
#include "view.h"

static int next_piece(void *context, const unsigned char **ret_bytes, struct failure *why) {
  return inflate_next(context, ret_bytes, why);
}

struct written {
  struct untar_summary untar;
  struct inflate_summary archive;
};

static void report_written(const struct written *written) {
  const struct untar_summary *summary = &written->untar;
  struct report report = report_open("written");

  report_number(&report, "size", (long long) written->archive.diff_size);
  report_number(&report, "entries", (long long) summary->entries);
  report_number(&report, "devices", (long long) summary->devices);
  report_number(&report, "unowned", (long long) summary->unowned);
  report_send(&report);
}

static int unpack(struct inflate *archive, const struct untar_options *options,
                  struct written *ret_written, struct failure *why) {
  struct tar *tar = NULL;
  int r = tar_open((struct tar_source){next_piece, archive}, &tar, why);

  if (r < 0)
    return r;
  r = untar(tar, options, &ret_written->untar, why);
  tar_close(tar);
  /* To its end: only there do checksums tell whether it was whole. */
  return r < 0 ? r : inflate_finish(archive, &ret_written->archive, why);
}

static int nothing = -1; /* /dev/null */

/* From now on no more comes: what is half made is taken away again. */
static void end_early(int number) {
  (void) number;
  (void) dup2(nothing, STDIN_FILENO);
}

static int heed_the_end(struct failure *why) {
  const struct sigaction action = {.sa_handler = end_early};

  nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (nothing < 0 || sigaction(SIGTERM, &action, NULL) < 0)
    return fail(why, errno, "prepare for an early end");
  return 0;
}

static int copy(struct untar_options *options, struct failure *why) {
  autoclose int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  struct written written = {0};
  struct inflate *archive = NULL;
  int r;

  if (root < 0)
    return fail(why, errno, "open /");
  options->root = root;
  r = inflate_open(STDIN_FILENO, -1, &archive, why);
  if (r < 0)
    return r;
  inflate_without_digests(archive);
  r = unpack(archive, options, &written, why);
  inflate_close(archive);
  if (r == 0)
    report_written(&written);
  return r;
}

static int read_words(int argc, char *argv[], struct untar_options *options, struct failure *why) {
  for (; argc > 1; argc--, argv++) {
    if (strcmp(argv[0], "--stream") == 0)
      options->is_stream = true;
    else if (strcmp(argv[0], "--owners") == 0)
      options->keeps_owners = true;
    else
      return fail(why, EINVAL, "copy-to does not know %s", argv[0]);
  }
  if (argc != 1)
    return fail(why, EINVAL, "copy-to takes a path");
  options->target = argv[0];
  return 0;
}

int copy_to_main(int argc, char *argv[], struct failure *why) {
  struct untar_options options = {0};
  struct view view = {0};
  int r = heed_the_end(why); /* first: there may be no /dev/null later */

  if (r == 0)
    r = view_enter(&argc, &argv, &view, why);
  if (r == 0)
    r = read_words(argc, argv, &options, why);
  if (r == 0) {
    report_end_with_node();
    (void) prctl(PR_SET_PDEATHSIG, SIGTERM);
    options.is_inside = view.is_inside;
    r = copy(&options, why);
  }
  view_leave(&view);
  return r;
}
