/* Files, directories, links and fifos, in place of what is there. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cleanup.h"
#include "copy_parts.h"
#include "tar_contents.h"
#include "untar_parts.h"

/* Of so many new directories some are finished early: memory is bounded. */
#define DIRECTORIES_BYTES_MAX (64u << 20)
#define TRIES 16

/* What is made under a name of its own, to take the place of another in one step. */
struct draft {
  int parent;
  char name[48];
  const char *as; /* its name in the end */
  bool is_beside; /* not there yet */
};

static void name_draft(struct draft *draft) {
  unsigned long long number = 0;

  (void) getrandom(&number, sizeof number, 0);
  (void) snprintf(draft->name, sizeof draft->name, ".marmita-copy-%016llx", number);
}

static const char *name_of(const struct draft *draft) {
  return draft->is_beside ? draft->name : draft->as;
}

/* Call `make`, which is 0 or -1 with errno; a name that is taken meanwhile is no reason to fail. */
static int make(struct draft *draft, int (*make_it)(int parent, const char *name, void *what),
                void *what, struct failure *why) {
  for (int i = 0; i < TRIES; i++) {
    if (draft->is_beside)
      name_draft(draft);
    if (make_it(draft->parent, name_of(draft), what) == 0)
      return 0;
    if (errno != EEXIST)
      break;
    draft->is_beside = true;
  }
  return fail(why, errno, "make it");
}

static void undo(const struct draft *draft) {
  (void) unlinkat(draft->parent, name_of(draft), 0);
}

/* 1: what it is to replace is mounted on, and cannot be. */
static int put_in_place(const struct draft *draft, struct failure *why) {
  if (!draft->is_beside || renameat(draft->parent, draft->name, draft->parent, draft->as) == 0) {
    /* Two names of one file are left as they are (rename(2)). */
    if (draft->is_beside)
      (void) unlinkat(draft->parent, draft->name, 0);
    return 0;
  }
  return errno == EBUSY ? 1 : fail(why, errno, "replace what is there");
}

static int finish_draft(const struct draft *draft, struct failure *why) {
  const int r = put_in_place(draft, why);

  return r > 0 ? fail(why, EBUSY, "replace what is there") : r;
}

static int make_file(int parent, const char *name, void *what) {
  int *fd = what;

  *fd = openat(parent, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  return *fd < 0 ? -1 : 0;
}

/* A file that is mounted has no other name to be replaced by: only its contents are. */
static int write_into(const struct draft *draft, int from, int64_t size, struct failure *why) {
  const int flags = O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  autoclose int fd = openat(draft->parent, draft->as, flags);
  struct stat st;

  if (fd < 0 || fstat(fd, &st) < 0)
    return fail(why, errno, "write to what is mounted there");
  if (!S_ISREG(st.st_mode))
    return fail(why, EBUSY, "replace what is mounted there");
  if (ftruncate(fd, 0) < 0)
    return fail(why, errno, "write to what is mounted there");
  return copy_bytes(from, fd, size, why);
}

static int fill_file(struct untar *untar, const struct draft *draft, int *fd,
                     const struct tar_entry *entry, struct tar *tar, struct failure *why) {
  if (tar_contents_write(tar, entry->size, *fd, why) < 0 || untar_dress(untar, *fd, entry, why) < 0)
    return -why->errnum;
  const int r = put_in_place(draft, why);
  if (r < 0)
    return r;
  if (r > 0) {
    const int written = write_into(draft, *fd, entry->size, why);
    undo(draft);
    return written;
  }
  /* NFS and quotas tell here that there is no room. */
  return close(steal_fd(fd)) < 0 ? fail(why, errno, "write file") : 0;
}

static int create_file(struct untar *untar, struct draft *draft, const struct tar_entry *entry,
                       struct tar *tar, struct failure *why) {
  autoclose int fd = -1;

  if (make(draft, make_file, &fd, why) < 0)
    return -why->errnum;
  const int r = fill_file(untar, draft, &fd, entry, tar, why);
  if (r < 0)
    undo(draft);
  return r;
}

static int make_symlink(int parent, const char *name, void *what) {
  const struct tar_entry *entry = what;

  return symlinkat(entry->link, parent, name);
}

static int make_fifo(int parent, const char *name, void *what) {
  const struct tar_entry *entry = what;

  return mknodat(parent, name, S_IFIFO | (entry->mode & 0777), 0);
}

static int create_node(struct untar *untar, struct draft *draft, const struct tar_entry *entry,
                       struct failure *why) {
  struct tar_entry copy = *entry;
  int r = make(draft, entry->type == TAR_FIFO ? make_fifo : make_symlink, &copy, why);

  if (r < 0)
    return r;
  r = untar_dress_name(untar, draft->parent, name_of(draft), entry, why);
  if (r == 0)
    r = finish_draft(draft, why);
  if (r < 0)
    undo(draft);
  return r;
}

struct linked {
  int parent;
  const char *name;
};

static int make_link(int parent, const char *name, void *what) {
  const struct linked *linked = what;

  return linkat(linked->parent, linked->name, parent, name, 0);
}

/* Its first name is on another mount. */
static int copy_linked(struct draft *draft, const struct linked *linked, struct failure *why) {
  autoclose int from =
      openat(linked->parent, linked->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  autoclose int fd = -1;
  struct stat st;

  if (from < 0 || fstat(from, &st) < 0)
    return fail(why, errno, "open what it is a link to");
  if (!S_ISREG(st.st_mode))
    return fail(why, EXDEV, "link");
  if (make(draft, make_file, &fd, why) < 0)
    return -why->errnum;
  if (copy_bytes(from, fd, st.st_size, why) < 0 || copy_attributes(from, fd, why) < 0 ||
      finish_draft(draft, why) < 0) {
    undo(draft);
    return -why->errnum;
  }
  return 0;
}

static int create_link(struct untar *untar, struct draft *draft, const struct tar_entry *entry,
                       struct failure *why) {
  struct untar_place target;
  autoclose int own = fcntl(draft->parent, F_DUPFD_CLOEXEC, 0); /* the next may close it */

  if (own < 0)
    return fail(why, errno, "link");
  draft->parent = own;
  if (untar_place(untar, entry->link, &target, why) < 0)
    return fail_while(why, "link to %.120s", entry->link);
  if (!target.exists || S_ISDIR(target.st.st_mode))
    return fail(why, target.exists ? EPERM : ENOENT, "link to %.120s", entry->link);
  struct linked linked = {target.parent, target.name};
  const int r = make(draft, make_link, &linked, why);
  if (r == -EXDEV)
    return copy_linked(draft, &linked, why);
  if (r < 0)
    return r;
  if (finish_draft(draft, why) < 0) {
    undo(draft);
    return -why->errnum;
  }
  return 0;
}

static int remember(struct untar *untar, const char *path, const struct stat *st,
                    const struct tar_entry *entry, struct failure *why) {
  if (untar->directory_bytes > DIRECTORIES_BYTES_MAX && untar_finish(untar, why) < 0)
    return -why->errnum;
  if (untar->directory_count == untar->directory_room) {
    const size_t room = 2 * untar->directory_room + 64;
    struct untar_directory *grown = realloc(untar->directories, room * sizeof *grown);

    if (grown == NULL)
      return fail(why, ENOMEM, "remember directory");
    untar->directories = grown;
    untar->directory_room = room;
  }
  char *copy = strdup(path);
  if (copy == NULL)
    return fail(why, ENOMEM, "remember directory");
  untar->directories[untar->directory_count++] = (struct untar_directory){
      .path = copy,
      .dev = st->st_dev,
      .ino = st->st_ino,
      .mode = st->st_mode & 07777,
      .mtime = {entry->mtime, entry->mtime_nsec},
  };
  untar->directory_bytes += sizeof *untar->directories + strlen(copy);
  return 0;
}

/* One that is there stays as it is. A new one is ours alone until all is in it. */
static int create_directory(struct untar *untar, const struct untar_place *place,
                            const struct tar_entry *entry, struct failure *why) {
  struct stat st;

  if (place->exists)
    return 0;
  if (mkdirat(place->parent, place->name, 0700) < 0)
    return fail(why, errno, "make directory");
  autoclose int fd =
      openat(place->parent, place->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return fail(why, errno, "open directory");
  if (untar_dress(untar, fd, entry, why) < 0)
    return -why->errnum;
  if (fstat(fd, &st) < 0 || fchmod(fd, (st.st_mode & 07777) | 0700) < 0)
    return fail(why, errno, "set mode");
  return remember(untar, place->path, &st, entry, why);
}

static int finish(struct untar *untar, const struct untar_directory *directory,
                  struct failure *why) {
  const struct timespec times[2] = {directory->mtime, directory->mtime};
  const char *slash = strrchr(directory->path, '/');
  const int parent = untar_open_parent(untar, directory->path, why);
  struct stat st;

  if (parent < 0)
    return parent;
  autoclose int fd = openat(parent, slash == NULL ? directory->path : slash + 1,
                            O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  /* Somebody put something else there meanwhile: that is not ours. */
  if (fd < 0 || fstat(fd, &st) < 0 || st.st_dev != directory->dev || st.st_ino != directory->ino)
    return 0;
  if (fchmod(fd, directory->mode) < 0)
    return fail(why, errno, "copy %.120s: set mode", directory->path);
  if (futimens(fd, times) < 0)
    return fail(why, errno, "copy %.120s: set time", directory->path);
  return 0;
}

/* Those inside of others first: who may not enter a directory is not its owner, but may be. */
int untar_finish(struct untar *untar, struct failure *why) {
  int r = 0;

  while (untar->directory_count > 0) {
    struct untar_directory *directory = &untar->directories[--untar->directory_count];
    if (r == 0)
      r = finish(untar, directory, why);
    free(directory->path);
  }
  untar->directory_bytes = 0;
  return r;
}

int untar_create(struct untar *untar, const struct untar_place *place,
                 const struct tar_entry *entry, struct tar *tar, struct failure *why) {
  struct draft draft = {.parent = place->parent, .as = place->name, .is_beside = place->exists};
  const bool is_directory = place->exists && S_ISDIR(place->st.st_mode);

  if (entry->type == TAR_DIRECTORY && place->exists && !is_directory)
    return fail(why, ENOTDIR, "replace what is no directory by a directory");
  if (entry->type != TAR_DIRECTORY && is_directory)
    return fail(why, EISDIR, "replace a directory by what is none");
  switch (entry->type) {
    case TAR_DIRECTORY: return create_directory(untar, place, entry, why);
    case TAR_FILE: return create_file(untar, &draft, entry, tar, why);
    case TAR_HARD_LINK: return create_link(untar, &draft, entry, why);
    default: return create_node(untar, &draft, entry, why);
  }
}
