/* draft.h — a new directory and what is in it, written in one go. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "failure.h"

struct draft_entry {
  const char *name; /* relative to the directory; its parent comes before it */
  mode_t mode;
  bool is_directory;
  const void *bytes;
  size_t size;
};

struct draft {
  const char *path; /* made 0700; EEXIST when it is there */
  const struct draft_entry *entries;
  size_t count;
  bool durable; /* fsync files and directory before this returns */
};

/* On failure the directory may be there in part: the caller deletes it. */
int draft_write(const struct draft *draft, struct failure *why);

/* syncfs(2) of the file system that `path` is on. */
int draft_sync(const char *path, struct failure *why);
