/* Theory of operation. Other containers may have `_data` mounted, so it is never replaced: the
 * copy is made beside it, and moved in name by name. `.draft` is renamed to `.filled` when it is
 * whole: what is found under the first name is garbage, under the second unfinished business of
 * whoever comes next. All of it happens under a lock on the volume's directory, which the
 * kernel lets go of when the process dies. No container sees any of these names.
 *
 * A volume is there while `users` is: who adds to it fails once it is gone (ENOENT), and who
 * removes it fails while somebody is in it (ENOTEMPTY). */
#include "volume.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "copy.h"
#include "inside.h"
#include "plan.h"
#include "syscalls.h"
#include "tree.h"

#define DIRECTORY (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

static int open_locked(const char *path, int *ret_volume, struct failure *why) {
  autoclose int volume = open(path, DIRECTORY);

  if (volume < 0)
    return fail(why, errno, "open volume %s", path);
  while (flock(volume, LOCK_EX) < 0)
    if (errno != EINTR)
      return fail(why, errno, "lock volume %s", path);
  *ret_volume = steal_fd(&volume);
  return 0;
}

static bool is_dots(const char *name) {
  return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* The next entry, or NULL; errno is 0 at the end. */
static const char *next_name(DIR *directory) {
  const struct dirent *entry;

  do {
    errno = 0;
    entry = readdir(directory);
  } while (entry != NULL && is_dots(entry->d_name));
  return entry == NULL ? NULL : entry->d_name;
}

static DIR *open_listing(int dirfd, const char *name) {
  autoclose int fd = openat(dirfd, name, DIRECTORY | O_NOFOLLOW);
  DIR *listing = fd < 0 ? NULL : fdopendir(fd);

  if (listing != NULL)
    (void) steal_fd(&fd);
  return listing;
}

static bool is_empty(int dirfd, const char *name) {
  DIR *listing = open_listing(dirfd, name);
  const bool has_entry = listing != NULL && next_name(listing) != NULL;

  if (listing != NULL)
    (void) closedir(listing);
  return listing != NULL && !has_entry;
}

/* Names that are taken by now, by whoever has the volume mounted, stay as they are. */
static int move_entries(DIR *listing, int data, struct failure *why) {
  bool moved = true;

  while (moved) {
    moved = false;
    rewinddir(listing);
    for (const char *name = next_name(listing); name != NULL; name = next_name(listing)) {
      if (sys_rename_new(dirfd(listing), name, data, name) == 0)
        moved = true;
      else if (errno != EEXIST)
        return fail(why, errno, "move %.64s into the volume", name);
    }
    if (errno != 0)
      return fail(why, errno, "read the volume");
  }
  return 0;
}

/* Moving changes the times of both: they are set last, as the image has them. */
static int settle(int volume, struct failure *why) {
  autoclose int data = -1;
  struct stat status;
  DIR *listing = open_listing(volume, ".filled");
  int r = 0;

  if (listing == NULL)
    return errno == ENOENT ? 0 : fail(why, errno, "open the copy for the volume");
  data = openat(volume, "_data", DIRECTORY | O_NOFOLLOW);
  if (data < 0 || fstat(dirfd(listing), &status) < 0)
    r = fail(why, errno, "open the volume's data");
  if (r == 0)
    r = move_entries(listing, data, why);
  if (r == 0)
    r = copy_attributes(dirfd(listing), data, why);
  (void) closedir(listing);
  if (r < 0)
    return r;
  const struct timespec times[] = {status.st_atim, status.st_mtim};
  (void) futimens(data, times);
  return tree_remove(volume, ".filled", why);
}

static int make_directory(int volume, const char *name, int *ret_fd, struct failure *why) {
  int r = tree_remove(volume, name, why);

  if (r < 0)
    return r;
  if (mkdirat(volume, name, 0700) < 0)
    return fail(why, errno, "make %s in the volume", name);
  *ret_fd = openat(volume, name, DIRECTORY | O_NOFOLLOW);
  return *ret_fd < 0 ? fail(why, errno, "open %s in the volume", name) : 0;
}

static int copy_draft(int volume, int source, struct failure *why) {
  autoclose int draft = -1;
  autoclose int links = -1;
  int r;

  r = make_directory(volume, ".draft", &draft, why);
  if (r == 0)
    r = make_directory(volume, ".links", &links, why);
  return r < 0 ? r : copy_tree(source, draft, links, why);
}

/* What is half done takes room that somebody else may need. */
static void forget_draft(int volume) {
  struct failure ignored;

  (void) tree_remove(volume, ".draft", &ignored);
  (void) tree_remove(volume, ".links", &ignored);
}

static int copy_up(int volume, int source, bool is_durable, struct failure *why) {
  int r = copy_draft(volume, source, why);

  if (r == 0)
    r = tree_remove(volume, ".links", why);
  if (r == 0 && is_durable && syncfs(volume) < 0)
    r = fail(why, errno, "write the volume to the disk");
  if (r == 0 && renameat(volume, ".draft", volume, ".filled") < 0)
    r = fail(why, errno, "put the copy in its place");
  if (r < 0) {
    forget_draft(volume);
    return r;
  }
  return is_durable && fsync(volume) < 0 ? fail(why, errno, "write the volume to the disk") : 0;
}

/* What the image has there: nothing, or nothing that could be copied, is fine. */
static int open_source(const struct filling *filling, int *ret_source, struct failure *why) {
  autoclose int place = -1;
  const int r = inside_open(filling->root, filling->target, O_DIRECTORY, &place, why);

  if (r == -ENOENT || r == -ENOTDIR)
    return 0;
  if (r < 0)
    return r;
  *ret_source = openat(place, ".", DIRECTORY);
  return *ret_source < 0 ? fail(why, errno, "open %s in the container", filling->target) : 0;
}

static bool is_wanted(const struct filling *filling, int volume) {
  return (filling->flags & VOLUME_COPY) && access(filling->done, F_OK) < 0 &&
         is_empty(volume, "_data");
}

static int note_done(const char *path, struct failure *why) {
  if (*path == '\0')
    return 0;
  autoclose int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  return fd < 0 ? fail(why, errno, "make %s", path) : 0;
}

static int fill(const struct filling *filling, int volume, struct failure *why) {
  autoclose int source = -1;
  int r;

  r = settle(volume, why);
  if (r < 0)
    return r;
  if (is_wanted(filling, volume)) {
    r = open_source(filling, &source, why);
    if (r == 0 && source >= 0)
      r = copy_up(volume, source, filling->flags & VOLUME_DURABLE, why);
    if (r == 0 && source >= 0)
      r = settle(volume, why);
    if (r < 0)
      return r;
  }
  return filling->flags & VOLUME_COPY ? note_done(filling->done, why) : 0;
}

int volume_fill(const struct filling *filling, struct failure *why) {
  autoclose int volume = -1;
  int r;

  r = open_locked(filling->directory, &volume, why);
  if (r == 0)
    r = fill(filling, volume, why);
  return r < 0 ? fail_while(why, "fill the volume for %s", filling->target) : 0;
}

int volume_release(const char *directory, const char *user, const char *trash,
                   struct failure *why) {
  char path[PATH_MAX];
  int n = snprintf(path, sizeof path, "%s/users/%s", directory, user);

  if (n < 0 || (size_t) n >= sizeof path)
    return fail(why, ENAMETOOLONG, "let go of volume %s", directory);
  if (unlink(path) < 0 && errno != ENOENT)
    return fail(why, errno, "let go of volume %s", directory);
  if (*trash == '\0')
    return 0;
  path[strlen(path) - strlen(user) - 1] = '\0';
  if (rmdir(path) < 0 && errno != ENOENT)
    return errno == ENOTEMPTY || errno == EEXIST ? 0 : fail(why, errno, "remove %s", path);
  if (rename(directory, trash) < 0)
    return errno == ENOENT ? 0 : fail(why, errno, "move %s to the trash", directory);
  /* Somebody made another one of that name in between. */
  n = snprintf(path, sizeof path, "%s/users", trash);
  if (n > 0 && (size_t) n < sizeof path && access(path, F_OK) == 0)
    return rename(trash, directory) < 0 ? fail(why, errno, "put %s back", directory) : 0;
  return tree_remove(AT_FDCWD, trash, why);
}
