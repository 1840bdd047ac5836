/* export.c — export LAYERS…: all that a container sees of its root becomes a tar on stdout.
 *
 * LAYERS are the words of layer_words.h. What is mounted in the container is no part of it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/merged.h"
#include "../core/owners.h"
#include "../core/tar_file.h"
#include "../core/userns.h"
#include "layer_words.h"
#include "report.h"
#include "verb.h"

struct exporting {
  struct merged *merged;
  struct owners *owners;
  struct tar_writer *tar;
  struct tar_file file;
  struct tar_output output;
  long long entries;
};

static bool is_copied_up(const struct exporting *exporting, const struct merged_entry *entry) {
  return S_ISLNK(entry->st.st_mode)
             ? tar_file_has_target(&exporting->file, entry->below_parent, entry->name)
             : tar_file_is_copy(&exporting->file, &entry->st, &entry->below);
}

static void restore_owner(struct exporting *exporting, const struct merged_entry *entry) {
  struct owner owner;

  if ((!entry->is_lower && !entry->is_below) ||
      !owners_find(exporting->owners, entry->lower, entry->path, &owner))
    return;
  if (entry->is_lower ||
      (is_copied_up(exporting, entry) && owners_restore(&owner, &entry->st, &entry->below, &owner)))
    owners_give(&owner, &exporting->file.entry);
}

static int add(struct exporting *exporting, const struct merged_entry *entry, struct failure *why) {
  const struct tar_file_place place = {
      .parent = entry->parent,
      .name = entry->name,
      .st = &entry->st,
      .path = entry->path,
      .link = entry->link,
      .epoch = INT64_MAX,
  };
  int r = tar_file_open(&exporting->file, &place, why);

  if (r <= 0)
    return r;
  restore_owner(exporting, entry);
  r = tar_file_write(&exporting->file, exporting->tar, why);
  tar_file_close(&exporting->file);
  exporting->entries++;
  return r < 0 ? fail_while(why, "export %.48s", entry->path) : 0;
}

static int add_all(struct exporting *exporting, struct failure *why) {
  const struct merged_entry *entry = NULL;
  int r;

  while ((r = merged_next(exporting->merged, &entry, why)) > 0)
    if (add(exporting, entry, why) < 0)
      return -why->errnum;
  return r < 0 ? r : tar_write_finish(exporting->tar, why);
}

static int export_layers(struct exporting *exporting, const struct layer_words *words,
                         struct failure *why) {
  exporting->output.fd = STDOUT_FILENO;
  if (userns_become_root(why) < 0)
    return -why->errnum;
  report_end_with_node();
  if (owners_open(words->owners, &exporting->owners, why) < 0 ||
      merged_open(&words->places, &exporting->merged, why) < 0 ||
      tar_write_open(tar_sink_of(&exporting->output), &exporting->tar, why) < 0)
    return -why->errnum;
  return add_all(exporting, why);
}

static void report_exported(const struct exporting *exporting) {
  struct report report = report_open("exported");

  report_number(&report, "size", (long long) tar_write_size(exporting->tar));
  report_number(&report, "entries", exporting->entries);
  report_send(&report);
}

int export_main(int argc, char *argv[], struct failure *why) {
  struct exporting *exporting = calloc(1, sizeof *exporting);
  struct layer_words words;

  if (exporting == NULL)
    return fail(why, ENOMEM, "export");
  (void) signal(SIGPIPE, SIG_IGN); /* whoever reads may stop: EPIPE says so */
  int r = layer_words_read(argc, argv, &words, why);
  if (r == 0)
    r = export_layers(exporting, &words, why);
  if (r == 0)
    report_exported(exporting);
  tar_write_close(exporting->tar);
  merged_close(exporting->merged);
  owners_close(exporting->owners);
  layer_words_free(&words);
  tar_file_end(&exporting->file);
  free(exporting);
  return r;
}
