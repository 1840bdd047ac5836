/* pack.c — pack OUTPUT COMPRESSION EPOCH FORM UPPER [--skip PATH]… [--lower DIRECTORY OWNERS]…:
 * what a container wrote becomes a layer's blob in the new file OUTPUT.
 *
 * COMPRESSION is gzip, zstd or none. No time is later than EPOCH, in seconds, unless that is "-".
 * FORM and what follows are those of core/upper.h; OWNERS is the table of that layer
 * (core/owners.h), or empty.
 *
 * What the layers below show as it is, is left out, but for directories; names come in the order of
 * their bytes, whiteouts in that of image-spec, layer.md, without owner and time: the same changes
 * are the same bytes. */
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
#include "report.h"
#include "verb.h"

#define WHITEOUT ".wh."
#define OPAQUE ".wh..wh..opq"
#define NO_EPOCH INT64_MAX

struct packing {
  struct upper *upper;
  struct owners *owners;
  struct tar_writer *tar;
  struct tar_file *file;
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

static bool has_same_target(struct upper *upper, const char *target) {
  char below[PATH_MAX];
  autoclose int fd = upper_open_below(upper, O_PATH);
  const ssize_t n = fd < 0 ? -1 : readlinkat(fd, "", below, sizeof below);

  return n >= 0 && (size_t) n == strlen(target) && memcmp(below, target, (size_t) n) == 0;
}

/* Or a file that the container made itself. */
static bool is_copied_up(struct packing *packing, const struct upper_entry *entry) {
  const struct tar_file *file = packing->file;

  if (!entry->is_below || ((entry->st.st_mode ^ entry->below.st_mode) & S_IFMT) != 0)
    return false;
  switch (entry->st.st_mode & S_IFMT) {
    case S_IFDIR: return !file->is_opaque;
    case S_IFREG: return file->has_origin;
    case S_IFLNK: return has_same_target(packing->upper, file->link);
    default: return entry->st.st_mtim.tv_sec == entry->below.st_mtim.tv_sec;
  }
}

/* Where not every id is mapped, the owner that a file has is not always the one it should have. */
static void restore_owner(struct packing *packing, const struct upper_entry *entry) {
  struct tar_entry *tar_entry = &packing->file->entry;
  struct owner owner;

  if (!entry->is_below || !owners_find(packing->owners, entry->lower, entry->path, &owner) ||
      !is_copied_up(packing, entry) || !owners_restore(&owner, &entry->st, &entry->below, &owner))
    return;
  tar_entry->uid = owner.uid;
  tar_entry->gid = owner.gid;
  tar_entry->mode = owner.mode;
}

/* 1: nobody would see a difference without it. Others may be linked to it. */
static int is_needless(struct packing *packing, const struct upper_entry *entry,
                       struct failure *why) {
  const bool is_root = entry->path[0] == '\0';

  if (is_root && !entry->is_below)
    return (entry->st.st_mode & 07777) == 0755 && (entry->st.st_uid | entry->st.st_gid) == 0;
  if (!entry->is_below || (S_ISDIR(entry->st.st_mode) && !is_root) ||
      (!is_root && entry->st.st_nlink > 1))
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
  r = tar_file_open(packing->file, &place, why);
  if (r <= 0)
    return r;
  restore_owner(packing, entry);
  r = tar_file_write(packing->file, packing->tar, why);
  tar_file_close(packing->file);
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
  struct upper_places places;
  char **skip, **lowers, **owners;
};

static int read_epoch(const char *text, int64_t *ret_epoch, struct failure *why) {
  char *end = NULL;

  *ret_epoch = strcmp(text, "-") == 0 ? NO_EPOCH : strtoll(text, &end, 10);
  return end != NULL && (*end != '\0' || end == text) ? fail(why, EINVAL, "no time: %s", text) : 0;
}

static int read_lists(int argc, char *argv[], struct words *words, struct failure *why) {
  char **skip = words->skip;
  char **lower = words->lowers;
  char **owners = words->owners;

  for (int at = 0; at < argc;) {
    if (at + 1 < argc && strcmp(argv[at], "--skip") == 0) {
      *skip++ = argv[at + 1];
      at += 2;
    } else if (at + 2 < argc && strcmp(argv[at], "--lower") == 0) {
      *lower++ = argv[at + 1];
      *owners++ = argv[at + 2];
      at += 3;
    } else {
      return fail(why, EINVAL, "an odd word: %s", argv[at]);
    }
  }
  return 0;
}

static int read_words(int argc, char *argv[], struct words *words, struct failure *why) {
  if (argc < 5 || (strcmp(argv[3], "kernel") != 0 && strcmp(argv[3], "fuse") != 0))
    return fail(why, EINVAL, "pack needs a file, a compression, a time, a form and a directory");
  words->output = argv[0];
  words->compression = argv[1];
  words->places.form = argv[3][0] == 'k' ? UPPER_KERNEL : UPPER_FUSE;
  words->places.upper = argv[4];
  words->places.skip = words->skip;
  words->places.lowers = words->lowers;
  if (read_epoch(argv[2], &words->epoch, why) < 0)
    return -why->errnum;
  return read_lists(argc - 5, argv + 5, words, why);
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
  packing->epoch = words->epoch;
  packing->file = calloc(1, sizeof *packing->file);
  if (packing->file == NULL)
    return fail(why, ENOMEM, "pack");
  if (owners_open(words->owners, &packing->owners, why) < 0 ||
      upper_open(&words->places, &packing->upper, why) < 0 ||
      deflate_open(words->compression, fd, 0, &deflate, why) < 0)
    return -why->errnum;
  const int r = pack_opened(packing, deflate, ret_summary, why);
  deflate_close(deflate);
  return r;
}

static int pack(const struct words *words, struct deflate_summary *ret_summary,
                long long *ret_entries, struct failure *why) {
  struct packing packing = {0};

  /* The caller's own, whoever root of the namespace is: so it comes first. */
  autoclose int fd =
      open(words->output, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0)
    return fail(why, errno, "create %s", words->output);
  int r = pack_into(fd, words, &packing, ret_summary, why);
  upper_close(packing.upper);
  owners_close(packing.owners);
  tar_file_free(packing.file);
  *ret_entries = packing.entries;
  /* Some file systems tell here that they are full. */
  if (r == 0 && close(steal_fd(&fd)) < 0)
    r = fail(why, errno, "write %s", words->output);
  if (r < 0)
    (void) unlink(words->output);
  return r;
}

int pack_main(int argc, char *argv[], struct failure *why) {
  autofree char **skip = calloc((size_t) argc + 1, sizeof *skip);
  autofree char **lowers = calloc((size_t) argc + 1, sizeof *lowers);
  autofree char **owners = calloc((size_t) argc + 1, sizeof *owners);
  struct words words = {.skip = skip, .lowers = lowers, .owners = owners};
  struct deflate_summary summary;
  long long entries = 0;

  if (skip == NULL || lowers == NULL || owners == NULL)
    return fail(why, ENOMEM, "pack");
  (void) umask(022);
  if (read_words(argc, argv, &words, why) < 0 || pack(&words, &summary, &entries, why) < 0)
    return -why->errnum;
  struct report report = report_open("packed");
  report_text(&report, "digest", summary.digest);
  report_number(&report, "size", (long long) summary.size);
  report_text(&report, "diffId", summary.diff_id);
  report_number(&report, "diffSize", (long long) summary.diff_size);
  report_number(&report, "entries", entries);
  report_send(&report);
  return 0;
}
