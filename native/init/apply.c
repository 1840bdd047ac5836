/* apply.c — apply [--early] [--follow SIZE] [--progress] [--owners FILE] TARGET [LOWER…]: a layer's
 * blob on stdin becomes the directory TARGET.
 *
 * Owners that could not be given go to FILE (core/layer.h). With --early the lower directories may
 * still be in the making: a line over FD_EVENTS says that they are whole. With --follow the blob is
 * a file that still grows to SIZE bytes, and FD_NEWS a pipe that tells so (core/follow.h); it is
 * not hashed: whoever downloads it does that. With
 * --progress Node is told now and then how much of the blob was read.
 *
 * The blob is read, hashed, unpacked and hashed again by two processes (ahead.h), and its entries
 * are made by this one; a fourth brings large layers to the disk meanwhile (settle.h). */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/layer.h"
#include "../core/tar.h"
#include "../core/userns.h"
#include "ahead.h"
#include "report.h"
#include "settle.h"
#include "verb.h"

/* Behind that of the user namespace. */
enum { FD_NEWS = FD_EXTRA + 1 };

#define PROGRESS_INTERVAL_MS 100

struct source {
  struct ahead *blob;
  struct settler *settler;
  int is_told;     /* how far it is */
  int64_t told_ms; /* when that was last */
};

/* Of the command line. */
struct options {
  struct layer_places places;
  struct follow follow;
  int is_growing;
  int is_told;
};

static int64_t now_ms(void) {
  struct timespec now;

  (void) clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void tell_progress(struct source *source) {
  const int64_t now = now_ms();

  if (now - source->told_ms < PROGRESS_INTERVAL_MS)
    return;
  source->told_ms = now;
  struct report report = report_open("progress");
  report_number(&report, "bytes", (long long) ahead_size(source->blob));
  report_send(&report);
}

/* What is read of a tar is what is written, more or less. */
static int next_piece(void *context, const unsigned char **ret_bytes, struct failure *why) {
  struct source *source = context;
  const int n = ahead_next(source->blob, ret_bytes, why);

  if (n > 0)
    settle_add(source->settler, (size_t) n);
  if (source->is_told)
    tell_progress(source);
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

  if (*blob->digest != '\0')
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

static int apply(struct layer *layer, int target, const struct options *options,
                 struct failure *why) {
  struct inflate_summary blob_summary;
  struct layer_summary layer_summary;
  struct ahead *blob = NULL;

  if (ahead_start(STDIN_FILENO, options->is_growing ? &options->follow : NULL, &blob, why) < 0)
    return -why->errnum;
  struct source source = {blob, settle_open(target), options->is_told, now_ms()};
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

static int parse_size(const char *text, uint64_t *ret_size) {
  char *end = NULL;

  *ret_size = strtoull(text, &end, 10);
  return *text >= '0' && *text <= '9' && *end == '\0' && *ret_size <= INT64_MAX ? 0 : -EINVAL;
}

static int set_early(struct options *options, const char *value) {
  (void) value;
  options->places.wait = wait_for_lowers;
  return 0;
}

static int set_progress(struct options *options, const char *value) {
  (void) value;
  options->is_told = 1;
  return 0;
}

static int set_owners(struct options *options, const char *value) {
  options->places.owners = value;
  return 0;
}

static int set_follow(struct options *options, const char *value) {
  options->is_growing = 1;
  return parse_size(value, &options->follow.size);
}

static const struct option {
  const char *name;
  int words; /* with its own */
  int (*set)(struct options *options, const char *value);
} rows[] = {
    {"--early", 1, set_early},
    {"--progress", 1, set_progress},
    {"--owners", 2, set_owners},
    {"--follow", 2, set_follow},
};

static const struct option *find_option(const char *name) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (strcmp(rows[i].name, name) == 0)
      return &rows[i];
  return NULL;
}

static int parse(char *const *argv, struct options *options, struct failure *why) {
  const struct option *option;

  *options = (struct options){.follow = {.news = FD_NEWS}};
  while (argv[0] != NULL && (option = find_option(argv[0])) != NULL) {
    if ((option->words > 1 && argv[1] == NULL) || option->set(options, argv[1]) < 0)
      return fail(why, EINVAL, "apply: %s", option->name);
    argv += option->words;
  }
  if (argv[0] == NULL)
    return fail(why, EINVAL, "apply needs a directory");
  options->places.target = argv[0];
  options->places.lowers = argv + 1;
  return 0;
}

int apply_main(int argc, char *argv[], struct failure *why) {
  struct layer *layer = NULL;
  struct options options;

  (void) argc;
  if (parse(argv, &options, why) < 0 || userns_become_root(why) < 0)
    return -why->errnum;
  autoclose int target = open(options.places.target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (target < 0)
    return fail(why, errno, "open layer %s", options.places.target);
  if (layer_open(&options.places, &layer, why) < 0)
    return -why->errnum;
  const int r = apply(layer, target, &options, why);
  layer_close(layer);
  return r;
}
