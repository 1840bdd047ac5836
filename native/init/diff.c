/* diff.c — diff FORM {AT UPPER [--skip PATH]… [--anew PATH]… [--lower DIRECTORY]…}…: what a
 * container changed.
 *
 * Each group is a writable layer, mounted at the path AT of its root over the directories, nearest
 * first. FORM is kernel or fuse: who wrote them (core/upper.h). The changes go to Node many at a
 * time, {"event":"changes","list":["C/etc","A/etc/new"]}, as `docker diff` has them: A what is
 * below nowhere, D what is below only, C what differs, and the directories of all these. */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/upper.h"
#include "../core/userns.h"
#include "report.h"
#include "verb.h"

struct changes {
  struct report report; /* not sent yet */
  size_t count;
  char last[PATH_MAX]; /* the last one: its directories have been told, and it too */
};

static void send_changes(struct changes *changes) {
  if (changes->count > 0) {
    report_list_end(&changes->report);
    report_send(&changes->report);
  }
  changes->report = report_open("changes");
  report_list(&changes->report, "list");
  changes->count = 0;
}

static void add(struct changes *changes, const char *change) {
  if (!report_item(&changes->report, change)) {
    send_changes(changes);
    (void) report_item(&changes->report, change);
  }
  changes->count++;
}

/* Whether something at or in this directory was told. */
static bool is_told(const struct changes *changes, const char *directory, size_t size) {
  return strncmp(changes->last, directory, size) == 0 &&
         (changes->last[size] == '/' || changes->last[size] == '\0');
}

/* `path` begins with a slash. */
static void tell(struct changes *changes, char kind, const char *path) {
  char change[PATH_MAX + 1];

  for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    const size_t size = (size_t) (slash - path);

    if (is_told(changes, path, size))
      continue;
    (void) snprintf(change, sizeof change, "C%.*s", (int) size, path);
    add(changes, change);
  }
  (void) snprintf(change, sizeof change, "%c%s", kind, path);
  add(changes, change);
  memcpy(changes->last, path, strlen(path) + 1);
}

/* 'A', 'C' or 'D'; 0 for what is as it was. */
static int kind_of(struct upper *upper, const struct upper_entry *entry, struct failure *why) {
  if (entry->kind == UPPER_WHITEOUT)
    return 'D';
  if (!entry->is_below)
    return 'A';
  const int r = upper_differs(upper, why);
  return r < 0 ? r : r > 0 ? 'C' : 0;
}

struct group {
  const char *at;
  struct upper_places places;
};

static int tell_all(struct upper *upper, const char *at, struct changes *changes,
                    struct failure *why) {
  const struct upper_entry *entry = NULL;
  const size_t size = strcmp(at, "/") == 0 ? 0 : strlen(at);
  char path[PATH_MAX];
  int r;

  while ((r = upper_next(upper, &entry, why)) > 0) {
    if (entry->path[0] == '\0')
      continue; /* nobody lists the root; and where there are several, marmita made them */
    const int n = snprintf(path, sizeof path, "%.*s/%s", (int) size, at, entry->path);
    if (n < 0 || (size_t) n >= sizeof path)
      return fail(why, ENAMETOOLONG, "path of %d bytes", n);
    const int kind = kind_of(upper, entry, why);
    if (kind < 0)
      return kind;
    if (kind > 0)
      tell(changes, (char) kind, path);
  }
  return r;
}

static int diff(const struct group *group, struct changes *changes, struct failure *why) {
  struct upper *upper = NULL;

  if (upper_open(&group->places, &upper, why) < 0)
    return -why->errnum;
  const int r = tell_all(upper, group->at, changes, why);
  upper_close(upper);
  return r;
}

/* The words of one group; the lists it has room for are as long as all words. */
struct lists {
  char **skip, **anew, **lowers;
};

static bool is_option(const char *word) {
  return strcmp(word, "--skip") == 0 || strcmp(word, "--anew") == 0 || strcmp(word, "--lower") == 0;
}

/* How many words it has. */
static int read_group(int argc, char *argv[], const struct lists *lists, struct group *group,
                      struct failure *why) {
  char **skip = lists->skip;
  char **anew = lists->anew;
  char **lower = lists->lowers;
  int at = 2;

  if (argc < 2 || argv[0][0] != '/' || is_option(argv[1]))
    return fail(why, EINVAL, "diff needs a path and a writable layer");
  for (; at + 1 < argc && is_option(argv[at]); at += 2)
    *(argv[at][2] == 's' ? skip++ : argv[at][2] == 'a' ? anew++ : lower++) = argv[at + 1];
  *skip = *anew = *lower = NULL;
  group->at = argv[0];
  group->places.upper = argv[1];
  group->places.skip = lists->skip;
  group->places.anew = lists->anew;
  group->places.lowers = lists->lowers;
  return at;
}

static int diff_groups(int argc, char *argv[], struct group *group, struct failure *why) {
  autofree char **skip = calloc((size_t) argc + 1, sizeof *skip);
  autofree char **anew = calloc((size_t) argc + 1, sizeof *anew);
  autofree char **lowers = calloc((size_t) argc + 1, sizeof *lowers);
  autofree struct changes *changes = calloc(1, sizeof *changes);

  if (skip == NULL || anew == NULL || lowers == NULL || changes == NULL)
    return fail(why, ENOMEM, "diff");
  send_changes(changes);
  for (int used = 0; used < argc;) {
    const int words =
        read_group(argc - used, argv + used, &(struct lists){skip, anew, lowers}, group, why);

    if (words < 0 || diff(group, changes, why) < 0)
      return -why->errnum;
    used += words;
  }
  send_changes(changes);
  return 0;
}

int diff_main(int argc, char *argv[], struct failure *why) {
  const char *form = argc > 0 ? argv[0] : "";
  struct group group = {.places.spells_out = true};

  if (strcmp(form, "kernel") != 0 && strcmp(form, "fuse") != 0)
    return fail(why, EINVAL, "diff needs a form");
  group.places.form = form[0] == 'k' ? UPPER_KERNEL : UPPER_FUSE;
  if (userns_become_root(why) < 0)
    return -why->errnum;
  report_end_with_node();
  if (diff_groups(argc - 1, argv + 1, &group, why) < 0)
    return -why->errnum;
  struct report report = report_open("compared");
  report_send(&report);
  return 0;
}
