/* untar_parts.h — what the files of untar.h share. */
#pragma once

#include <sys/stat.h>
#include <time.h>

#include "tar_name.h"
#include "untar.h"

/* A new directory, whose mode and time wait for what is put into it. */
struct untar_directory {
  char *path;
  dev_t dev;
  ino_t ino;
  unsigned mode;
  struct timespec mtime;
};

struct untar {
  const struct untar_options *options;
  struct untar_summary summary;
  int base; /* what names are relative to */
  /* How the first name of the tar is spelled here: both "" where it is as it is. */
  char first[256];
  char as[256];
  bool has_begun;
  char parent_path[TAR_NAME_SIZE];
  int parent; /* the directory of that path; -1: none is open */
  struct untar_directory *directories;
  size_t directory_count, directory_room, directory_bytes;
};

struct untar_place {
  char path[TAR_NAME_SIZE];
  int parent; /* belongs to the untar */
  const char *name;
  bool exists;
  struct stat st;
};

/* untar_place.c */
/* Find the target; called with the first entry, and without one for an empty tar. */
int untar_begin(struct untar *untar, const struct tar_entry *entry, struct failure *why);
/* From a name of the tar to one in an open directory; "." is the base itself. */
int untar_place(struct untar *untar, const char *name, struct untar_place *ret_place,
                struct failure *why);
int untar_open_parent(struct untar *untar, const char *path, struct failure *why);

/* untar_create.c */
int untar_create(struct untar *untar, const struct untar_place *place,
                 const struct tar_entry *entry, struct tar *tar, struct failure *why);
/* What was left for the end. */
int untar_finish(struct untar *untar, struct failure *why);

/* untar_attributes.c */
int untar_dress(struct untar *untar, int fd, const struct tar_entry *entry, struct failure *why);
/* What is no file or directory, and not opened: never through a link. */
int untar_dress_name(struct untar *untar, int parent, const char *name,
                     const struct tar_entry *entry, struct failure *why);
