#include "tar_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cleanup.h"

#define VALUE_MAX 65536u /* XATTR_SIZE_MAX */

static bool begins_with(const char *name, const char *prefix) {
  return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* The access control lists among them hold ids, which the kernel translates as those of stat(). */
static bool is_packed(const char *name) {
  static const char *const stacking[] = {"user.overlay.", "user.fuseoverlayfs.",
                                         "user.containers.override_stat"};

  for (size_t i = 0; i < sizeof stacking / sizeof *stacking; i++)
    if (begins_with(name, stacking[i]))
      return false;
  return begins_with(name, "user.") || begins_with(name, "system.posix_acl_") ||
         strcmp(name, "security.capability") == 0;
}

static void note_overlay(struct tar_file *file, const char *name) {
  if (strcmp(name, "user.overlay.origin") == 0 || strcmp(name, "user.fuseoverlayfs.origin") == 0)
    file->has_origin = true;
  if (strcmp(name, "user.overlay.opaque") == 0 || strcmp(name, "user.fuseoverlayfs.opaque") == 0)
    file->is_opaque = true;
}

/* The root of the namespace is root wherever it is unpacked: version 2 has no id of it. */
static size_t without_root(char *value, size_t size) {
  struct vfs_ns_cap_data data;

  if (size != XATTR_CAPS_SZ_3)
    return size;
  memcpy(&data, value, sizeof data);
  if ((data.magic_etc & VFS_CAP_REVISION_MASK) != VFS_CAP_REVISION_3)
    return size;
  data.magic_etc = (data.magic_etc & ~VFS_CAP_REVISION_MASK) | VFS_CAP_REVISION_2;
  memcpy(value, &data, XATTR_CAPS_SZ_2);
  return XATTR_CAPS_SZ_2;
}

static int add_xattr(struct tar_file *file, const char *name, struct failure *why) {
  if (file->entry.xattr_count == TAR_XATTRS_MAX ||
      file->values_used + VALUE_MAX > TAR_EXTENDED_MAX + VALUE_MAX)
    return fail(why, EMSGSIZE, "more attributes than a tar can hold");
  if (file->values == NULL)
    file->values = malloc(TAR_EXTENDED_MAX + VALUE_MAX);
  if (file->values == NULL)
    return fail(why, ENOMEM, "read attributes");

  char *value = file->values + file->values_used;
  const ssize_t size = fgetxattr(file->fd, name, value, VALUE_MAX);
  /* Gone, or with an id that is not of this namespace: as good as not there. */
  if (size < 0 && (errno == ENODATA || errno == EOVERFLOW || errno == EOPNOTSUPP))
    return 0;
  if (size < 0)
    return fail(why, errno, "read attribute %.60s", name);
  size_t used = (size_t) size;
  if (strcmp(name, "security.capability") == 0)
    used = without_root(value, used);
  file->xattrs[file->entry.xattr_count++] = (struct tar_xattr){name, value, used};
  file->values_used += used;
  return 0;
}

static int read_xattrs(struct tar_file *file, struct failure *why) {
  const ssize_t size = flistxattr(file->fd, file->names, sizeof file->names);

  file->entry.xattrs = file->xattrs;
  if (size < 0)
    return errno == EOPNOTSUPP ? 0 : fail(why, errno, "list attributes");
  for (const char *name = file->names; name < file->names + size; name += strlen(name) + 1) {
    note_overlay(file, name);
    if (is_packed(name) && add_xattr(file, name, why) < 0)
      return -why->errnum;
  }
  return 0;
}

/* 1: what it is in a tar; 0: that has none of its kind. */
static int type_of(const struct stat *st, enum tar_type *ret_type) {
  switch (st->st_mode & S_IFMT) {
    case S_IFREG: *ret_type = TAR_FILE; return 1;
    case S_IFDIR: *ret_type = TAR_DIRECTORY; return 1;
    case S_IFLNK: *ret_type = TAR_SYMLINK; return 1;
    case S_IFIFO: *ret_type = TAR_FIFO; return 1;
    case S_IFCHR: *ret_type = TAR_CHARACTER; return 1;
    case S_IFBLK: *ret_type = TAR_BLOCK_DEVICE; return 1;
    default: return 0;
  }
}

static bool is_gone(int errnum) {
  return errnum == ENOENT || errnum == ENOTDIR || errnum == ELOOP || errnum == ENXIO;
}

/* 1: open, if it is something to open; 0: it is gone, or something else by now. */
static int open_it(struct tar_file *file, const struct tar_file_place *place, struct stat *st,
                   struct failure *why) {
  const mode_t type = st->st_mode & S_IFMT;
  const int kind = type == S_IFDIR ? O_DIRECTORY : O_NONBLOCK | O_NOCTTY;

  if (type != S_IFREG && type != S_IFDIR)
    return 1;
  file->fd = openat(place->parent, place->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | kind);
  if (file->fd < 0)
    return is_gone(errno) ? 0 : fail(why, errno, "open");
  if (fstat(file->fd, st) < 0)
    return fail(why, errno, "look at it");
  if ((st->st_mode & S_IFMT) != type)
    return 0;
  return read_xattrs(file, why) < 0 ? -why->errnum : 1;
}

static int read_target(struct tar_file *file, const struct tar_file_place *place,
                       struct failure *why) {
  const ssize_t n = readlinkat(place->parent, place->name, file->link, sizeof file->link - 1);

  if (n < 0)
    return is_gone(errno) || errno == EINVAL ? 0 : fail(why, errno, "read link");
  file->link[n] = '\0';
  return 1;
}

static void take_times(struct tar_entry *entry, const struct stat *st, int64_t epoch) {
  entry->mtime = st->st_mtim.tv_sec;
  entry->mtime_nsec = (unsigned) st->st_mtim.tv_nsec;
  if (entry->mtime < epoch)
    return;
  entry->mtime = epoch;
  entry->mtime_nsec = 0;
}

static void take_stat(struct tar_file *file, const struct stat *st, int64_t epoch) {
  struct tar_entry *entry = &file->entry;

  entry->mode = st->st_mode & 07777;
  entry->uid = st->st_uid;
  entry->gid = st->st_gid;
  entry->size = entry->type == TAR_FILE ? st->st_size : 0;
  if (entry->type == TAR_CHARACTER || entry->type == TAR_BLOCK_DEVICE) {
    entry->device_major = major(st->st_rdev);
    entry->device_minor = minor(st->st_rdev);
  }
  take_times(entry, st, epoch);
}

static bool has_vanished(const struct tar_file *file, const char *path) {
  for (size_t i = 0; i < file->vanished_count; i++)
    if (strcmp(file->vanished[i], path) == 0)
      return true;
  return false;
}

static int note_vanished(struct tar_file *file, const struct tar_file_place *place,
                         struct failure *why) {
  if (place->st->st_nlink < 2 || S_ISDIR(place->st->st_mode) || place->link != NULL)
    return 0;
  char **grown = realloc(file->vanished, (file->vanished_count + 1) * sizeof *grown);
  if (grown == NULL)
    return fail(why, ENOMEM, "remember a name");
  file->vanished = grown;
  grown[file->vanished_count] = strdup(place->path);
  return grown[file->vanished_count++] == NULL ? fail(why, ENOMEM, "remember a name") : 0;
}

/* The root is "./" there, as tar(1) has it. */
static void take_names(struct tar_file *file, const struct tar_file_place *place) {
  const char *path = place->path[0] == '\0' ? "." : place->path;

  strncpy(file->path, path, sizeof file->path - 1);
  file->entry.name = file->path;
  file->entry.link = file->link;
  if (place->link == NULL || has_vanished(file, place->link))
    return;
  file->entry.type = TAR_HARD_LINK;
  strncpy(file->link, place->link, sizeof file->link - 1);
}

static int open_all(struct tar_file *file, const struct tar_file_place *place,
                    struct failure *why) {
  struct stat st = *place->st;

  if (!type_of(&st, &file->entry.type))
    return 0;
  int r = open_it(file, place, &st, why);
  if (r > 0 && file->entry.type == TAR_SYMLINK)
    r = read_target(file, place, why);
  if (r <= 0)
    return r;
  take_stat(file, &st, place->epoch);
  take_names(file, place);
  return 1;
}

int tar_file_open(struct tar_file *file, const struct tar_file_place *place, struct failure *why) {
  file->entry = (struct tar_entry){0};
  file->fd = -1;
  file->has_origin = file->is_opaque = false;
  file->values_used = 0;
  memset(file->path, 0, sizeof file->path);
  memset(file->link, 0, sizeof file->link);
  int r = open_all(file, place, why);
  if (r <= 0)
    tar_file_close(file);
  if (r == 0)
    r = note_vanished(file, place, why);
  return r < 0 ? fail_while(why, "read %.40s", place->path) : r;
}

int tar_file_write(struct tar_file *file, struct tar_writer *tar, struct failure *why) {
  if (tar_write_entry(tar, &file->entry, why) < 0)
    return -why->errnum;
  if (file->entry.type == TAR_FILE && tar_write_copy(tar, file->fd, why) < 0)
    return -why->errnum;
  /* One that has become shorter is zeros to its end: the size was written before. */
  const int r = tar_write_fill(tar, why);
  return r < 0 ? r : 0;
}

bool tar_file_is_copy(const struct tar_file *file, const struct stat *st,
                      const struct stat *below) {
  if (((st->st_mode ^ below->st_mode) & S_IFMT) != 0)
    return false;
  switch (st->st_mode & S_IFMT) {
    case S_IFDIR: return !file->is_opaque;
    case S_IFREG: return file->has_origin;
    default: return st->st_mtim.tv_sec == below->st_mtim.tv_sec;
  }
}

bool tar_file_has_target(const struct tar_file *file, int parent, const char *name) {
  char below[PATH_MAX];
  const ssize_t n = readlinkat(parent, name, below, sizeof below);

  return n >= 0 && (size_t) n == strlen(file->link) && memcmp(below, file->link, (size_t) n) == 0;
}

void tar_file_close(struct tar_file *file) {
  if (file->fd >= 0)
    (void) close(steal_fd(&file->fd));
}

void tar_file_end(struct tar_file *file) {
  while (file->vanished_count > 0)
    free(file->vanished[--file->vanished_count]);
  free(file->vanished);
  free(file->values);
}
