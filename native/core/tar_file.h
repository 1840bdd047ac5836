/* tar_file.h — a file of this machine as an entry of a tar.
 *
 * What is of no use to whoever unpacks it stays out: attributes but user.*, capabilities and access
 * control lists, those of overlays and of security modules, times but that of the last change,
 * sockets. Capabilities that are meant for the root of a user namespace (version 3) are written as
 * those of root (version 2). No link is followed; what vanishes meanwhile is left out, and another
 * name of the same file is then no link to it. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "failure.h"
#include "tar_write.h"

struct tar_file_place {
  int parent; /* an open directory */
  const char *name;
  const struct stat *st;
  const char *path; /* its name in the tar; "" is the root */
  const char *link; /* the path of an entry before that is the same file; or NULL */
  int64_t epoch;    /* no time is later than this second */
};

struct tar_file {
  struct tar_entry entry; /* may be changed before it is written */
  int fd;                 /* of files and directories, else -1 */
  bool has_origin;        /* an overlay has copied it up */
  bool is_opaque;
  struct tar_xattr xattrs[TAR_XATTRS_MAX];
  char path[PATH_MAX + 1];
  char link[PATH_MAX];
  char names[65536]; /* XATTR_LIST_MAX */
  char *values;
  size_t values_used;
  char **vanished; /* names that others may be told as links to */
  size_t vanished_count;
};

/* 1: it is there, until tar_file_close(); 0: it is left out. `file` is zeroed before the first. */
int tar_file_open(struct tar_file *file, const struct tar_file_place *place, struct failure *why);

/* The entry and its contents. */
int tar_file_write(struct tar_file *file, struct tar_writer *tar, struct failure *why);

/* Whether an overlay made it of what lies below, and not the container: told by what overlays note
 * of it. A link has no such notes: its target is compared, with what `parent` has by that name. */
bool tar_file_is_copy(const struct tar_file *file, const struct stat *st, const struct stat *below);
bool tar_file_has_target(const struct tar_file *file, int parent, const char *name);

void tar_file_close(struct tar_file *file);

/* What it holds beside itself. */
void tar_file_end(struct tar_file *file);
