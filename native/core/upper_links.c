/* Files with several names. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "upper_parts.h"

static size_t slot_of(const struct upper_links *links, dev_t dev, ino_t ino) {
  size_t at = (size_t) (ino * 0x9e3779b97f4a7c15u >> 17) & (links->room - 1);

  while (links->slots[at].path != NULL &&
         (links->slots[at].ino != ino || links->slots[at].dev != dev))
    at = (at + 1) & (links->room - 1);
  return at;
}

static int grow(struct upper_links *links, struct failure *why) {
  struct upper_links larger = {.count = links->count,
                               .room = links->room == 0 ? 256 : 2 * links->room};

  larger.slots = calloc(larger.room, sizeof *larger.slots);
  if (larger.slots == NULL)
    return fail(why, ENOMEM, "remember a file with several names");
  for (size_t i = 0; i < links->room; i++)
    if (links->slots[i].path != NULL)
      larger.slots[slot_of(&larger, links->slots[i].dev, links->slots[i].ino)] = links->slots[i];
  free(links->slots);
  *links = larger;
  return 0;
}

int upper_links_find(struct upper_links *links, const struct stat *st, const char *path,
                     const char **ret_path, struct failure *why) {
  if (2 * links->count >= links->room && grow(links, why) < 0)
    return -why->errnum;

  struct upper_link *link = &links->slots[slot_of(links, st->st_dev, st->st_ino)];
  /* The same name may be looked at twice. */
  *ret_path = link->path == NULL || strcmp(link->path, path) == 0 ? NULL : link->path;
  if (link->path != NULL)
    return 0;
  link->path = strdup(path);
  if (link->path == NULL)
    return fail(why, ENOMEM, "remember a file with several names");
  link->dev = st->st_dev;
  link->ino = st->st_ino;
  links->count++;
  return 0;
}

void upper_links_free(struct upper_links *links) {
  for (size_t i = 0; i < links->room; i++)
    free(links->slots[i].path);
  free(links->slots);
  *links = (struct upper_links){0};
}
