/* tar_write_parts.h — what the files of the tar writer share. Nobody else includes it. */
#pragma once

#include "tar.h"

/* Records of a pax extended header, one behind the other. */
struct records {
  char *bytes;
  size_t size;
  size_t room;
};

int records_add(struct records *records, const char *keyword, const void *value, size_t size,
                struct failure *why);
int records_add_number(struct records *records, const char *keyword, int64_t number,
                       struct failure *why);
int records_add_time(struct records *records, const char *keyword, const struct tar_entry *entry,
                     struct failure *why);
/* Sorted by name. */
int records_add_xattrs(struct records *records, const struct tar_entry *entry, struct failure *why);
