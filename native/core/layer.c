#include "layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "layer_parts.h"

/* Unless an entry said otherwise the root looks as it does below. */
static int finish_root(struct layer *layer, struct failure *why) {
  struct stat st;

  if (layer->has_root || layer->lower_count == 0)
    return 0;
  if (lower_wait(layer, why) < 0)
    return -why->errnum;
  if (fstat(layer->lowers[0], &st) < 0)
    return fail(why, errno, "look at lower layer");
  if (fchownat(layer->root, ".", st.st_uid, st.st_gid, 0) < 0 ||
      fchmodat(layer->root, ".", st.st_mode & 07777, 0) < 0)
    return fail(why, errno, "set owner and mode of the layer's root");
  return attributes_finish_later(layer, "", st.st_mode & 07777, st.st_mtim, why);
}

/* Whoever made the directory did so for himself. */
static int start_root(struct layer *layer, struct failure *why) {
  if (fchownat(layer->root, ".", 0, 0, 0) < 0 || fchmodat(layer->root, ".", 0755, 0) < 0)
    return fail(why, errno, "set owner and mode of the layer's root");
  return 0;
}

static int open_lowers(struct layer *layer, char *const lowers[], struct failure *why) {
  for (; *lowers != NULL; lowers++) {
    if (layer->lower_count == LAYER_LOWERS_MAX)
      return fail(why, E2BIG, "more than %d lower layers", LAYER_LOWERS_MAX);
    const int fd = open(*lowers, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
      return fail(why, errno, "open lower layer %s", *lowers);
    layer->lowers[layer->lower_count++] = fd;
  }
  return 0;
}

static int enter(struct layer *layer, const char *target, struct failure *why) {
  /* Modes are as the tar says. */
  (void) umask(0);
  id_map_read("/proc/self/uid_map", &layer->uids);
  id_map_read("/proc/self/gid_map", &layer->gids);
  if (chdir(target) < 0)
    return fail(why, errno, "enter layer %s", target);
  if (chroot(".") < 0)
    return fail(why, errno, "make %s the root", target);
  layer->root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return layer->root < 0 ? fail(why, errno, "open layer %s", target) : 0;
}

static int open_owners(struct layer *layer, const char *path, struct failure *why) {
  if (path == NULL)
    return 0;
  layer->owners = fopen(path, "wxe");
  return layer->owners == NULL ? fail(why, errno, "create %s", path) : 0;
}

static int close_owners(struct layer *layer, struct failure *why) {
  FILE *owners = layer->owners;

  layer->owners = NULL;
  if (owners == NULL)
    return 0;
  const int has_failed = ferror(owners);
  if (fclose(owners) != 0 || has_failed)
    return fail(why, errno != 0 ? errno : EIO, "write the table of owners");
  return 0;
}

int layer_open(const struct layer_places *places, struct layer **ret_layer, struct failure *why) {
  struct layer *layer = calloc(1, sizeof *layer);

  if (layer == NULL)
    return fail(why, ENOMEM, "open layer");
  layer->root = -1;
  layer->wait = places->wait;
  if (open_lowers(layer, places->lowers, why) < 0 || open_owners(layer, places->owners, why) < 0 ||
      enter(layer, places->target, why) < 0 || start_root(layer, why) < 0) {
    layer_close(layer);
    return -why->errnum;
  }
  *ret_layer = layer;
  return 0;
}

static int add(struct layer *layer, const struct tar_entry *entry, struct tar *tar,
               struct failure *why) {
  char path[LAYER_PATH_SIZE];
  struct place place;

  if (tar_name_clean(entry->name, path, why) < 0)
    return -why->errnum;
  int r = whiteout_add(layer, path, &place, why);
  if (r != 0)
    return r < 0 ? r : 0;
  if (entry->type == TAR_HARD_LINK)
    return link_add(layer, &place, entry, why);
  if (entry->type == TAR_CHARACTER || entry->type == TAR_BLOCK_DEVICE) {
    layer->summary.devices++;
    return 0;
  }

  const struct attributes attributes = attributes_of(layer, path, entry);
  switch (entry->type) {
    case TAR_DIRECTORY: return create_directory(layer, &place, &attributes, why);
    case TAR_SYMLINK: return create_symlink(layer, &place, entry->link, &attributes, why);
    case TAR_FIFO: return create_fifo(layer, &place, &attributes, why);
    default: return create_file(layer, &place, tar, entry->size, &attributes, why);
  }
}

/* The end of a long name tells more than its beginning. */
static int fail_entry(const char *name, struct failure *why) {
  const struct failure inner = *why;
  const size_t length = strlen(name);
  const size_t shown = 120;
  const int is_long = length > shown;

  return fail(why, inner.errnum, "apply %s%s: %s", is_long ? "…" : "",
              is_long ? name + length - shown : name, inner.what);
}

int layer_add(struct layer *layer, const struct tar_entry *entry, struct tar *tar,
              struct failure *why) {
  layer->summary.entries++;
  return add(layer, entry, tar, why) < 0 ? fail_entry(entry->name, why) : 0;
}

int layer_finish(struct layer *layer, struct layer_summary *ret_summary, struct failure *why) {
  if (link_finish(layer, why) < 0 || whiteout_finish(layer, why) < 0 ||
      finish_root(layer, why) < 0 || attributes_finish_all(layer, why) < 0 ||
      close_owners(layer, why) < 0)
    return -why->errnum;
  *ret_summary = layer->summary;
  return 0;
}

void layer_close(struct layer *layer) {
  if (layer == NULL)
    return;
  place_forget(layer);
  if (layer->owners != NULL)
    (void) fclose(layer->owners);
  for (size_t i = 0; i < layer->lower_count; i++)
    (void) close(layer->lowers[i]);
  if (layer->root >= 0)
    (void) close(layer->root);
  for (size_t i = 0; i < layer->finishing_count; i++)
    free(layer->finishing[i].path);
  for (size_t i = 0; i < layer->link_count; i++) {
    free(layer->links[i].path);
    free(layer->links[i].target);
  }
  for (size_t i = 0; i < layer->whiteout_count; i++)
    free(layer->whiteouts[i]);
  free(layer->finishing);
  free(layer->links);
  free(layer->whiteouts);
  free(layer);
}
