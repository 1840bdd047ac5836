/* pack.c — pack OUTPUT COMPRESSION EPOCH LAYERS…: what a container wrote becomes a layer's blob in
 * the new file OUTPUT.
 *
 * COMPRESSION is gzip, zstd or none. No time is later than EPOCH, in seconds, unless that is "-".
 * LAYERS are the words of layer_words.h.
 *
 * Files that the layers below show as they are, are left out. Directories are not: their times tell
 * when something in them changed. Names come in the order of their bytes, whiteouts in the form of
 * image-spec, layer.md, without owner and time: the same changes are the same bytes. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/deflate.h"
#include "../core/owners.h"
#include "../core/tar_file.h"
#include "../core/upper.h"
#include "../core/userns.h"
#include "layer_words.h"
#include "report.h"
#include "verb.h"

#define WHITEOUT ".wh."
#define OPAQUE ".wh..wh..opq"
#define NO_EPOCH INT64_MAX

struct packing {
  struct upper *upper;
  struct owners *owners;
  struct tar_writer *tar;
  struct tar_file file;
  int64_t epoch;
  long long entries;
};

/* The blob as a tar's sink. */

static int put(void *context, const void *bytes, size_t size, struct failure *why) {
  return deflate_write(context, bytes, size, why);
}

static int64_t copy(void *context, int fd, int64_t size, struct failure *why) {
  unsigned char *room;
  size_t most;
  ssize_t n;

  if (deflate_room(context, &room, &most, why) < 0)
    return -why->errnum;
  do
    n = read(fd, room, (int64_t) most < size ? most : (size_t) size);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return fail(why, errno, "read");
  deflate_add(context, (size_t) n);
  return n;
}

/* Whiteouts */

static int add_whiteout(struct packing *packing, const struct upper_entry *entry,
                        struct failure *why) {
  char name[2 * PATH_MAX];
  const int directory = (int) (strlen(entry->path) - strlen(entry->name));

  if (entry->kind == UPPER_OPAQUE)
    (void) snprintf(name, sizeof name, "%s/" OPAQUE, entry->path);
  else
    (void) snprintf(name, sizeof name, "%.*s" WHITEOUT "%s", directory, entry->path, entry->name);
  packing->entries++;
  return tar_write_entry(packing->tar, &(struct tar_entry){.name = name, .link = ""}, why);
}

/* Entries */

/* The container did not make it: it, or what it is a copy of, came with the image. */
static bool is_copied_up(struct packing *packing, const struct upper_entry *entry) {
  if (!S_ISLNK(entry->st.st_mode))
    return tar_file_is_copy(&packing->file, &entry->st, &entry->below);
  autoclose int below = upper_open_below(packing->upper, O_PATH);
  return below >= 0 && tar_file_has_target(&packing->file, below, "");
}

/* Where not every id is mapped, the owner that a file has is not always the one it should have. */
static void restore_owner(struct packing *packing, const struct upper_entry *entry) {
  struct owner owner;

  if (entry->is_below && owners_find(packing->owners, entry->lower, entry->path, &owner) &&
      is_copied_up(packing, entry) && owners_restore(&owner, &entry->st, &entry->below, &owner))
    owners_give(&owner, &packing->file.entry);
}

/* 1: nobody would see a difference without it. */
static int is_needless(struct packing *packing, const struct upper_entry *entry,
                       struct failure *why) {
  const bool is_root = entry->path[0] == '\0';

  if (is_root && !entry->is_below)
    return (entry->st.st_mode & 07777) == 0755 && (entry->st.st_uid | entry->st.st_gid) == 0;
  /* Others may be linked to a file. */
  if (!entry->is_below || (!is_root && (S_ISDIR(entry->st.st_mode) || entry->st.st_nlink > 1)))
    return 0;
  const int r = upper_differs(packing->upper, why);
  return r < 0 ? r : r == 0;
}

static int add_entry(struct packing *packing, const struct upper_entry *entry,
                     struct failure *why) {
  const struct tar_file_place place = {
      .parent = entry->parent,
      .name = entry->name,
      .st = &entry->st,
      .path = entry->path,
      .link = entry->link,
      .epoch = packing->epoch,
  };

  if (strncmp(entry->name, WHITEOUT, strlen(WHITEOUT)) == 0)
    return fail(why, EOPNOTSUPP, "pack %.200s: in a layer that would be a whiteout", entry->path);
  int r = is_needless(packing, entry, why);
  if (r != 0)
    return r < 0 ? r : 0;
  r = tar_file_open(&packing->file, &place, why);
  if (r <= 0)
    return r;
  restore_owner(packing, entry);
  r = tar_file_write(&packing->file, packing->tar, why);
  tar_file_close(&packing->file);
  packing->entries++;
  return r < 0 ? fail_while(why, "pack %.50s", entry->path) : 0;
}

static int add_all(struct packing *packing, struct failure *why) {
  const struct upper_entry *entry = NULL;
  int r;

  while ((r = upper_next(packing->upper, &entry, why)) > 0) {
    r = entry->kind == UPPER_ENTRY ? add_entry(packing, entry, why)
                                   : add_whiteout(packing, entry, why);
    if (r < 0)
      return r;
  }
  return r < 0 ? r : tar_write_finish(packing->tar, why);
}

/* The words of the command */

struct words {
  const char *output, *compression;
  int64_t epoch;
  struct layer_words layers;
};

static int read_epoch(const char *text, int64_t *ret_epoch, struct failure *why) {
  char *end = NULL;

  *ret_epoch = strcmp(text, "-") == 0 ? NO_EPOCH : strtoll(text, &end, 10);
  return end != NULL && (*end != '\0' || end == text) ? fail(why, EINVAL, "no time: %s", text) : 0;
}

static int read_words(int argc, char *argv[], struct words *words, struct failure *why) {
  if (argc < 3)
    return fail(why, EINVAL, "pack needs a file, a compression and a time");
  words->output = argv[0];
  words->compression = argv[1];
  if (read_epoch(argv[2], &words->epoch, why) < 0)
    return -why->errnum;
  return layer_words_read(argc - 3, argv + 3, &words->layers, why);
}

/* From all that is open to the blob */

static int pack_opened(struct packing *packing, struct deflate *deflate,
                       struct deflate_summary *ret_summary, struct failure *why) {
  const struct tar_sink sink = {put, copy, NULL, deflate};

  if (tar_write_open(sink, &packing->tar, why) < 0)
    return -why->errnum;
  int r = add_all(packing, why);
  if (r == 0)
    r = deflate_finish(deflate, ret_summary, why);
  tar_write_close(packing->tar);
  return r;
}

static int pack_into(int fd, const struct words *words, struct packing *packing,
                     struct deflate_summary *ret_summary, struct failure *why) {
  struct deflate *deflate = NULL;

  if (userns_become_root(why) < 0)
    return -why->errnum;
  report_end_with_node();
  packing->epoch = words->epoch;
  if (owners_open(words->layers.owners, &packing->owners, why) < 0 ||
      upper_open(&words->layers.places, &packing->upper, why) < 0 ||
      deflate_open(words->compression, fd, 0, &deflate, why) < 0)
    return -why->errnum;
  const int r = pack_opened(packing, deflate, ret_summary, why);
  deflate_close(deflate);
  return r;
}

static int pack(const struct words *words, struct packing *packing,
                struct deflate_summary *ret_summary, struct failure *why) {
  /* The caller's own, whoever root of the namespace is: so it comes first. */
  autoclose int fd =
      open(words->output, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0)
    return fail(why, errno, "create %s", words->output);
  int r = pack_into(fd, words, packing, ret_summary, why);
  upper_close(packing->upper);
  owners_close(packing->owners);
  tar_file_end(&packing->file);
  /* Some file systems tell here that they are full. */
  if (r == 0 && close(steal_fd(&fd)) < 0)
    r = fail(why, errno, "write %s", words->output);
  if (r < 0)
    (void) unlink(words->output);
  return r;
}

int pack_main(int argc, char *argv[], struct failure *why) {
  struct deflate_summary summary;
  struct words words = {0};

  autofree struct packing *packing = calloc(1, sizeof *packing);
  if (packing == NULL)
    return fail(why, ENOMEM, "pack");
  (void) umask(022);
  int r = read_words(argc, argv, &words, why);
  if (r == 0)
    r = pack(&words, packing, &summary, why);
  layer_words_free(&words.layers);
  if (r < 0)
    return r;
  struct report report = report_open("packed");
  report_text(&report, "digest", summary.digest);
  report_number(&report, "size", (long long) summary.size);
  report_text(&report, "diffId", summary.diff_id);
  report_number(&report, "diffSize", (long long) summary.diff_size);
  report_number(&report, "entries", packing->entries);
  report_send(&report);
  return 0;
}
