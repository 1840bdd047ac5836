/* owners.h — who should own the files of unpacked layers, where that could not be given.
 *
 * Such a layer has a table beside it (core/layer.h): "<uid>:<gid>:<mode in octal>:<path>\0". A file
 * that was copied up from there, and not given to somebody else since, still should. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "failure.h"
#include "tar.h"

struct owner {
  int64_t uid;
  int64_t gid;
  unsigned mode;
};

struct owners;

/* A table for each layer, nearest first, ended by NULL: "" where there is none. EBADMSG. */
int owners_open(char *const tables[], struct owners **ret_owners, struct failure *why);

/* 1: what the table of that layer says of the path. */
int owners_find(const struct owners *owners, size_t layer, const char *path,
                struct owner *ret_owner);

/* Of a file `st` that shows in that layer as `below`: 1, if owner and mode should be others. */
int owners_restore(const struct owner *owner, const struct stat *st, const struct stat *below,
                   struct owner *ret_owner);

void owners_give(const struct owner *owner, struct tar_entry *entry);

void owners_close(struct owners *owners);
