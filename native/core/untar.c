#include "untar.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "untar_parts.h"

static int add(struct untar *untar, const struct tar_entry *entry, struct tar *tar,
               struct failure *why) {
  struct untar_place place;

  if (!untar->has_begun && untar_begin(untar, entry, why) < 0)
    return -why->errnum;
  untar->has_begun = true;
  if (entry->type == TAR_CHARACTER || entry->type == TAR_BLOCK_DEVICE) {
    untar->summary.devices++;
    return 0;
  }
  if (untar_place(untar, entry->name, &place, why) < 0 ||
      untar_create(untar, &place, entry, tar, why) < 0)
    return fail_while(why, "copy %.120s", entry->name);
  untar->summary.entries++;
  return 0;
}

static int add_all(struct untar *untar, struct tar *tar, struct failure *why) {
  const struct tar_entry *entry = NULL;
  int r;

  while ((r = tar_next(tar, &entry, why)) > 0)
    if (add(untar, entry, tar, why) < 0)
      return -why->errnum;
  if (r == 0 && !untar->has_begun)
    r = untar->options->is_stream ? untar_begin(untar, NULL, why)
                                  : fail(why, EBADMSG, "copy: nothing came");
  return r;
}

int untar(struct tar *tar, const struct untar_options *options, struct untar_summary *ret_summary,
          struct failure *why) {
  struct untar untar = {.options = options, .base = -1, .parent = -1};
  struct failure ignored;
  int r = add_all(&untar, tar, why);
  const int finished = untar_finish(&untar, r == 0 ? why : &ignored);

  if (r == 0)
    r = finished;
  *ret_summary = untar.summary;
  free(untar.directories);
  if (untar.parent >= 0)
    (void) close(untar.parent);
  if (untar.base >= 0)
    (void) close(untar.base);
  return r;
}
