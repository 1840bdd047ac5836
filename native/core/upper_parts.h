/* upper_parts.h — what the files of upper.h share, and merged.c. Nobody else includes it. */
#pragma once

#include <limits.h>
#include <stdint.h>

#include "upper.h"

/* Open at a time: those further up are opened again on the way back. */
#define UPPER_LEVELS_OPEN 32

struct upper_name {
  const char *text;
  bool is_gone; /* .wh.NAME, or missing in an opaque directory */
};

struct upper_names {
  struct upper_name *all;
  size_t count;
  char *bytes;    /* all texts */
  bool is_opaque; /* .wh..wh..opq was among them */
};

/* A directory on the way down. */
struct upper_level {
  int fd; /* -1 while it is too far up */
  dev_t dev;
  ino_t ino;
  size_t path_size; /* of upper->path */
  struct upper_names names;
  size_t next;      /* of the names */
  uint16_t *lowers; /* of those that have part in it, nearest first */
  size_t lower_count;
  /* This directory, or one that it is in, is opaque: what is below was deleted. */
  bool is_cut_off;
  /* Not told yet: it may be there for mount points only. Its entry, but for the texts. */
  bool is_held;
  struct upper_entry entry;
};

/* The files with several names that were told, by inode. */
struct upper_links {
  struct upper_link {
    dev_t dev;
    ino_t ino;
    char *path;
  } * slots;
  size_t count, room;
};

struct upper {
  int root;
  enum upper_form form;
  bool spells_out;
  char **skip; /* as the layers have them, in the order of their bytes */
  size_t skip_count;
  char *const *anew;
  int lowers[UPPER_LOWERS_MAX];
  size_t lower_count;
  struct upper_level *levels;
  size_t depth, room;
  /* Directories of the lower layers, opened for the innermost level: that of `lowers`. */
  int below[UPPER_LOWERS_MAX];
  size_t below_count;
  size_t below_depth; /* whose they are; 0: nobody's */
  /* What the last look found to have part in the directory it was for. */
  uint16_t found[UPPER_LOWERS_MAX];
  size_t found_count;
  struct upper_links links;
  char path[PATH_MAX];
  size_t path_size;
  struct upper_entry entry;
  enum {
    UPPER_START,
    UPPER_GO_ON,
    UPPER_GO_DOWN, /* into the last entry */
    UPPER_RELEASED /* the last entry is of a directory that we are in already */
  } state;
  char released[PATH_MAX];
};

/* upper_names.c */
/* What is in a directory, sorted. With `upper` only what its form does not use for itself. */
int upper_names_read(int directory, enum upper_form form, struct upper_names *ret_names,
                     struct failure *why);
/* Add what the directories below have and this one has not. */
int upper_names_add_gone(struct upper *upper, struct upper_names *names, struct failure *why);
void upper_names_free(struct upper_names *names);

/* upper_lower.c */
/* Fills entry.is_below, .below, .lower and `found` for `name` in the innermost level. */
int upper_look_below(struct upper *upper, const char *name, struct failure *why);
/* Opens `below` for the innermost level, unless it is. Of a new level: lowers that an opaque
 * one hides are taken out. */
int upper_open_lowers(struct upper *upper, struct failure *why);
void upper_close_lowers(struct upper *upper);

/* upper_skip.c */
int upper_skip_take(struct upper *upper, char *const skip[], struct failure *why);
bool upper_skips(const struct upper *upper, const char *path);
/* 1: the entry is a directory on the way to a mount point, and looks as if nobody but marmita had
 * made or touched it. */
int upper_may_be_for_mounts(struct upper *upper, struct failure *why);

/* upper_resolve.c */
/* A path of the container, with links, as one of the layers; ret_path has PATH_MAX bytes. */
int upper_resolve(const struct upper *upper, const char *path, char *ret_path);

/* upper_links.c */
/* The path of the same file; NULL and `path` is taken note of when there is none yet. */
int upper_links_find(struct upper_links *links, const struct stat *st, const char *path,
                     const char **ret_path, struct failure *why);
void upper_links_free(struct upper_links *links);

/* upper.c */
bool upper_is_whiteout(const struct stat *st);
bool upper_is_opaque(int directory, enum upper_form form);

/* upper_compare.c has upper_differs() */
