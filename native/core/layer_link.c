/* Hard links. One whose target is not there yet waits: a later entry may be it, and if none
 * is, a lower layer may have it. What the entry of a link says of owner, mode, time and attributes
 * goes for the file, as the later word; of one that waits it is the earlier word, and does not. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "layer_parts.h"

static int is_same(const struct stat *one, const struct stat *other) {
  return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

/* The target as something to link to: parents may be links, as with every name. */
static int find_target(const struct layer *layer, const char *target, struct stat *ret_st) {
  if (fstatat(layer->root, target[0] == '\0' ? "." : target, ret_st, AT_SYMLINK_NOFOLLOW) < 0)
    return 0;
  return !place_is_whiteout(ret_st);
}

static int make_link(struct layer *layer, const struct place *place, const char *target,
                     const struct stat *st, struct failure *why) {
  struct stat there;

  if (S_ISDIR(st->st_mode))
    return fail(why, EISDIR, "hard link to /%s", target);
  if (linkat(layer->root, target, place->parent, place->base, 0) == 0)
    return 0;
  if (errno != EEXIST)
    return fail(why, errno, "hard link to %s", target);
  /* The same file twice in a tar is there as a link to itself. */
  if (fstatat(place->parent, place->base, &there, AT_SYMLINK_NOFOLLOW) == 0 && is_same(&there, st))
    return 0;
  if (place_clear(layer, place, why) < 0)
    return -why->errnum;
  if (linkat(layer->root, target, place->parent, place->base, 0) < 0)
    return fail(why, errno, "hard link to %s", target);
  return 0;
}

static int wait_for_target(struct layer *layer, const char *path, const char *target,
                           struct failure *why) {
  if (layer->link_count == LAYER_LINKS_MAX)
    return fail(why, E2BIG, "more than %u hard links to later entries", LAYER_LINKS_MAX);
  if (layer->link_count == layer->link_room) {
    const size_t room = layer->link_room == 0 ? 64 : 2 * layer->link_room;
    struct pending_link *grown = realloc(layer->links, room * sizeof *grown);

    if (grown == NULL)
      return fail(why, ENOMEM, "remember hard link");
    layer->links = grown;
    layer->link_room = room;
  }
  struct pending_link link = {strdup(path), strdup(target)};
  if (link.path == NULL || link.target == NULL) {
    free(link.path);
    free(link.target);
    return fail(why, ENOMEM, "remember hard link");
  }
  layer->links[layer->link_count++] = link;
  return 0;
}

int link_add(struct layer *layer, struct place *place, const struct tar_entry *entry,
             struct failure *why) {
  char clean[LAYER_PATH_SIZE];
  struct stat st;

  if (tar_name_clean(entry->link, clean, why) < 0)
    return fail_while(why, "hard link to %.40s", entry->link);
  if (!find_target(layer, clean, &st))
    return wait_for_target(layer, place->path, clean, why);
  if (make_link(layer, place, clean, &st, why) < 0)
    return -why->errnum;
  const struct attributes attributes = attributes_of(layer, place->path, entry);
  return attributes_put_again(layer, place, &st, &attributes, why);
}

/* 1: done; 0: the target is not there. */
static int try_again(struct layer *layer, const struct pending_link *link, struct failure *why) {
  struct place place;
  struct stat st;
  struct stat there;

  if (!find_target(layer, link->target, &st))
    return 0;
  memcpy(place.path, link->path, strlen(link->path) + 1);
  if (place_open(layer, &place, why) < 0)
    return -why->errnum;
  /* What has this name now came later in the tar, and counts. */
  if (fstatat(place.parent, place.base, &there, AT_SYMLINK_NOFOLLOW) == 0)
    return 1;
  return make_link(layer, &place, link->target, &st, why) < 0 ? -why->errnum : 1;
}

/* A link may wait for another one, so once is not enough: how many are left. */
static int try_all(struct layer *layer, struct failure *why) {
  size_t left = 0;

  for (size_t i = 0; i < layer->link_count; i++) {
    struct pending_link link = layer->links[i];
    const int r = try_again(layer, &link, why);

    if (r < 0)
      return fail_while(why, "apply %.60s", link.path);
    layer->links[i] = layer->links[left];
    layer->links[left] = link;
    left += r == 0;
  }
  return (int) left;
}

int link_finish(struct layer *layer, struct failure *why) {
  for (;;) {
    const int left = try_all(layer, why);
    if (left <= 0)
      return left;
    if ((size_t) left < layer->link_count) {
      while (layer->link_count > (size_t) left) {
        const struct pending_link *done = &layer->links[--layer->link_count];
        free(done->path);
        free(done->target);
      }
      continue;
    }
    const struct pending_link *first = &layer->links[0];
    if (lower_copy_up(layer, first->target, why) < 0)
      return fail_while(why, "apply %.60s: hard link", first->path);
  }
}
