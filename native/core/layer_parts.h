/* layer_parts.h — what the files of layer.h share. Nobody else includes it. */
#pragma once

#include <stdio.h>
#include <sys/stat.h>

#include "layer.h"
#include "tar_name.h"

#define LAYER_PATH_SIZE TAR_NAME_SIZE
#define LAYER_LEVELS 32
#define LAYER_LOWERS_MAX 512
#define LAYER_LINKS_MAX 16384u /* that wait for a later entry */
#define LAYER_EXTENTS_MAX 340  /* what a map of the kernel can hold */

/* The open directories on the way to the last parent: entries come in order of the tree. */
struct directories {
  char path[LAYER_PATH_SIZE];
  int depth;
  struct {
    int fd;
    size_t end; /* of its name in `path` */
  } levels[LAYER_LEVELS];
};

/* What a directory gets when nothing more is put into it. */
struct finishing {
  char *path;
  struct timespec mtime;
  unsigned mode; /* 0: as it was made */
};

struct pending_link {
  char *path;
  char *target;
};

/* The numbers that a user namespace maps. */
struct id_map {
  size_t count; /* 0: all of them */
  struct {
    int64_t first;
    int64_t size;
  } extents[LAYER_EXTENTS_MAX];
};

struct layer {
  int root;
  int lowers[LAYER_LOWERS_MAX];
  size_t lower_count;
  int (*wait)(struct failure *why); /* until they are whole; NULL: they are */
  FILE *owners;                     /* or NULL */
  struct id_map uids;
  struct id_map gids;
  struct directories directories;
  struct finishing *finishing;
  size_t finishing_count, finishing_room, finishing_bytes;
  struct pending_link *links;
  size_t link_count, link_room;
  char **whiteouts; /* paths, some of which may hide nothing */
  size_t whiteout_count, whiteout_room, whiteout_bytes;
  int has_root;     /* an entry for it came */
  int has_replaced; /* a directory may have become something else */
  int has_merged;   /* a directory came twice: the later mode counts */
  int is_stale;     /* a link may have, that `directories` went through */
  struct layer_summary summary;
};

/* Where an entry goes: a name in an open directory. */
struct place {
  char path[LAYER_PATH_SIZE]; /* cleaned; "" is the root of the layer */
  int parent;                 /* belongs to layer->directories */
  const char *base;           /* in `path`; "." for the root */
};

/* An owner, a mode and times as they are put on a file. */
struct attributes {
  uid_t uid;
  gid_t gid;
  unsigned mode;
  struct timespec mtime;
  const struct tar_xattr *xattrs;
  size_t xattr_count;
};

/* Failures say what was done, "create file"; layer_add() puts the entry's name in front. */

/* layer_place.c */
/* Opens the parent of place->path, making what is missing. */
int place_open(struct layer *layer, struct place *place, struct failure *why);
/* Makes room for a new entry: whatever is there goes. */
int place_clear(struct layer *layer, const struct place *place, struct failure *why);
void place_forget(struct layer *layer);
int place_is_whiteout(const struct stat *st);

/* layer_create.c */
int create_file(struct layer *layer, const struct place *place, struct tar *tar, int64_t size,
                const struct attributes *attributes, struct failure *why);
/* An open, new and empty file instead of what is there. */
int create_open(struct layer *layer, const struct place *place, unsigned mode, int *ret_fd,
                struct failure *why);
int create_directory(struct layer *layer, const struct place *place,
                     const struct attributes *attributes, struct failure *why);
int create_symlink(struct layer *layer, const struct place *place, const char *target,
                   const struct attributes *attributes, struct failure *why);
int create_fifo(struct layer *layer, const struct place *place, const struct attributes *attributes,
                struct failure *why);

/* layer_attributes.c */
void id_map_read(const char *path, struct id_map *ret_map);
/* Counts and writes down what the namespace cannot give. */
struct attributes attributes_of(struct layer *layer, const char *path,
                                const struct tar_entry *entry);
int attributes_put_on_file(struct layer *layer, int fd, const struct attributes *attributes,
                           struct failure *why);
/* On what is no regular file, never through a link. `is_new`: it is root's so far. */
int attributes_put_on(struct layer *layer, int parent, const char *base, int is_new,
                      const struct attributes *attributes, struct failure *why);
/* On a file that is there, as `st` says, and no directory. */
int attributes_put_again(struct layer *layer, const struct place *place, const struct stat *st,
                         const struct attributes *attributes, struct failure *why);
/* On `base` in the working directory, or on `fd` when that is NULL. */
int attributes_put_xattr(struct layer *layer, int fd, const char *base,
                         const struct tar_xattr *xattr, struct failure *why);
/* Times, and modes that would rub off on what is made inside, wait for layer_finish(). */
int attributes_finish_later(struct layer *layer, const char *path, unsigned mode,
                            struct timespec mtime, struct failure *why);
int attributes_finish_all(struct layer *layer, struct failure *why);

/* layer_lower.c */
/* 1 and its attributes: a lower layer shows a directory of this name; 0: none does. */
int lower_directory(struct layer *layer, const char *path, struct stat *ret_st, int *ret_fd,
                    struct failure *why);
/* Wait until they are whole, unless that is done. All that look at them call it. */
int lower_wait(struct layer *layer, struct failure *why);
/* Whether the layers below show anything of this name. They are whole. */
int lower_shows(const struct layer *layer, const char *path);
/* Whether this layer itself keeps what is below from showing by this name. */
int lower_is_hidden(const struct layer *layer, const char *path);
/* Whether a directory on the way to this name is opaque in this layer. */
int lower_is_cut_off(const struct layer *layer, const char *path);
/* Copy a file of a lower layer up to the same name; ENOENT when none shows it. */
int lower_copy_up(struct layer *layer, const char *path, struct failure *why);
int lower_copy_xattrs(struct layer *layer, int from, int to, struct failure *why);

/* layer_link.c */
int link_add(struct layer *layer, struct place *place, const struct tar_entry *entry,
             struct failure *why);
int link_finish(struct layer *layer, struct failure *why);

/* layer_whiteout.c */
/* 1: it was a whiteout; 0: it is an entry; `place` is that of the entry. */
int whiteout_add(struct layer *layer, const char *path, struct place *place, struct failure *why);
int whiteout_make_opaque(int parent, const char *base, struct failure *why);
/* Takes those away that hide nothing: in a directory no lower layer has an overlay lists them. */
int whiteout_finish(struct layer *layer, struct failure *why);
