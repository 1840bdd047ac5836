/* apply.c — apply [--early] [--owners FILE] TARGET [LOWER…]: a layer's blob on stdin becomes the
 * directory TARGET. Owners that could not be given go to FILE (core/layer.h). With --early the
 * lower directories may still be in the making: a line over FD_EVENTS says that they are whole.
 *
 * The blob is read, hashed, unpacked and hashed again by two processes (ahead.h), and its entries
 * are made by this one; a fourth brings large layers to the disk meanwhile (settle.h). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/layer.h"
#include "../core/tar.h"
#include "../core/userns.h"
#include "ahead.h"
#include "report.h"
#include "settle.h"
#include "verb.h"

struct source {
  struct ahead *blob;
  struct settler *settler;
};

/* What is read of a tar is what is written, more or less. */
static int next_piece(void *context, const unsigned char **ret_bytes, struct failure *why) {
  const struct source *source = context;
  const int n = ahead_next(source->blob, ret_bytes, why);

  if (n > 0)
    settle_add(source->settler, (size_t) n);
  return n;
}

static int add_all(struct layer *layer, struct tar *tar, struct failure *why) {
  const struct tar_entry *entry = NULL;
  int r;

  while ((r = tar_next(tar, &entry, why)) > 0)
    if (layer_add(layer, entry, tar, why) < 0)
      return -why->errnum;
  return r;
}

static int add_blob(struct layer *layer, struct source *source, struct failure *why) {
  struct tar *tar = NULL;

  if (tar_open((struct tar_source){next_piece, source}, &tar, why) < 0)
    return -why->errnum;
  const int r = add_all(layer, tar, why);
  tar_close(tar);
  return r;
}

static void report_applied(const struct inflate_summary *blob, const struct layer_summary *layer) {
  struct report report = report_open("applied");

  report_text(&report, "digest", blob->digest);
  report_text(&report, "diffId", blob->diff_id);
  report_number(&report, "size", (long long) blob->size);
  report_number(&report, "diffSize", (long long) blob->diff_size);
  report_number(&report, "entries", (long long) layer->entries);
  report_number(&report, "devices", (long long) layer->devices);
  report_number(&report, "unmapped", (long long) layer->unmapped);
  report_number(&report, "xattrs", (long long) layer->xattrs);
  report_send(&report);
}

static int apply(struct layer *layer, int target, struct failure *why) {
  struct inflate_summary blob_summary;
  struct layer_summary layer_summary;
  struct ahead *blob = NULL;

  if (ahead_start(STDIN_FILENO, &blob, why) < 0)
    return -why->errnum;
  struct source source = {blob, settle_open(target)};
  int r = add_blob(layer, &source, why);
  settle_close(source.settler);
  if (r == 0)
    r = layer_finish(layer, &layer_summary, why);
  if (r < 0)
    (void) fail_in_step(why, "apply"); /* of what came before that, the layer is innocent */
  /* The digests are those of all bytes, also of what stands behind the end of the tar. */
  if (r == 0)
    r = ahead_finish(blob, &blob_summary, why);
  ahead_stop(blob);
  if (r < 0)
    return r;
  report_applied(&blob_summary, &layer_summary);
  return 0;
}

/* Any line; the end means that Node has died. */
static int wait_for_lowers(struct failure *why) {
  char byte;
  ssize_t n;

  do
    n = recv(FD_EVENTS, &byte, 1, 0);
  while (n < 0 && errno == EINTR);
  return n == 1 ? 0 : fail(why, EPIPE, "wait for the layers below");
}

static int is_option(char *const *argv, const char *name) {
  return argv[0] != NULL && strcmp(argv[0], name) == 0;
}

int apply_main(int argc, char *argv[], struct failure *why) {
  struct layer_places places = {0};
  struct layer *layer = NULL;

  if (is_option(argv, "--early")) {
    places.wait = wait_for_lowers;
    argv++;
  }
  if (is_option(argv, "--owners") && argv[1] != NULL) {
    places.owners = argv[1];
    argv += 2;
  }
  if (argv[0] == NULL)
    return fail(why, EINVAL, "apply needs a directory");
  places.target = argv[0];
  places.lowers = argv + 1;
  if (userns_become_root(why) < 0)
    return -why->errnum;
  autoclose int target = open(places.target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (target < 0)
    return fail(why, errno, "open layer %s", places.target);
  if (layer_open(&places, &layer, why) < 0)
    return -why->errnum;
  const int r = apply(layer, target, why);
  layer_close(layer);
  return r;
}
