#include "measure.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "syscalls.h"

/* Below the usual limit of descriptors, which is 1024. */
#define LEVELS 400

/* Of files with several names: those that were counted, in a table of open addressing. */
struct seen {
  struct file_id {
    uint64_t device, inode;
  } * slots; /* an inode of 0 is a free one */
  size_t size, used;
};

struct measurement {
  struct tree_size size;
  struct seen seen;
  int depth;
  DIR *levels[LEVELS];
};

static struct file_id *slot_for(const struct seen *seen, struct file_id id) {
  size_t at = (size_t) ((id.inode * UINT64_C(0x9e3779b97f4a7c15)) ^ id.device);

  for (;; at++) {
    struct file_id *slot = &seen->slots[at & (seen->size - 1)];

    if (slot->inode == 0 || (slot->inode == id.inode && slot->device == id.device))
      return slot;
  }
}

static int grow(struct seen *seen) {
  struct seen larger = {.size = seen->size == 0 ? 256 : seen->size * 2, .used = seen->used};

  larger.slots = calloc(larger.size, sizeof *larger.slots);
  if (larger.slots == NULL)
    return -ENOMEM;
  for (size_t i = 0; i < seen->size; i++)
    if (seen->slots[i].inode != 0)
      *slot_for(&larger, seen->slots[i]) = seen->slots[i];
  free(seen->slots);
  *seen = larger;
  return 0;
}

/* Whether it is met for the first time; without memory to tell, it counts once more. */
static bool is_new(struct seen *seen, struct file_id id) {
  if (id.inode == 0 || (seen->used * 2 >= seen->size && grow(seen) < 0))
    return true;

  struct file_id *slot = slot_for(seen, id);
  if (slot->inode != 0)
    return false;
  *slot = id;
  seen->used++;
  return true;
}

static void count(struct measurement *all, const struct stat *status) {
  const struct file_id id = {(uint64_t) status->st_dev, (uint64_t) status->st_ino};

  if (status->st_nlink > 1 && !is_new(&all->seen, id))
    return;
  if (S_ISREG(status->st_mode) || S_ISLNK(status->st_mode))
    all->size.bytes += (unsigned long long) status->st_size;
}

static void descend(struct measurement *all, int parent, const char *name) {
  const struct open_how how = {
      .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
      .resolve = all->depth > 0 ? RESOLVE_NO_XDEV : 0,
  };

  if (all->depth == LEVELS) {
    all->size.is_partial = true;
    return;
  }
  autoclose int fd = sys_openat2(parent, name, &how);
  DIR *directory = fd < 0 ? NULL : fdopendir(fd);
  if (directory == NULL) {
    /* Gone, or something else by now. */
    if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
      all->size.is_partial = true;
    return;
  }
  (void) steal_fd(&fd);
  all->levels[all->depth++] = directory;
}

static void measure_entry(struct measurement *all, const struct dirent *entry) {
  const int parent = dirfd(all->levels[all->depth - 1]);
  struct stat status;

  if (fstatat(parent, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
    if (errno != ENOENT)
      all->size.is_partial = true;
    return;
  }
  all->size.entries++;
  if (S_ISDIR(status.st_mode))
    descend(all, parent, entry->d_name);
  else
    count(all, &status);
}

static bool is_dots(const char *name) {
  return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static void walk(struct measurement *all) {
  while (all->depth > 0) {
    DIR *directory = all->levels[all->depth - 1];
    const struct dirent *entry = readdir(directory);

    if (entry == NULL) {
      (void) closedir(directory);
      all->depth--;
    } else if (!is_dots(entry->d_name)) {
      measure_entry(all, entry);
    }
  }
}

int measure_tree(int dirfd, const char *name, struct tree_size *ret_size, struct failure *why) {
  struct stat status;

  *ret_size = (struct tree_size){0};
  if (fstatat(dirfd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
    return errno == ENOENT ? 0 : fail(why, errno, "look at %s", name);
  autofree struct measurement *all = calloc(1, sizeof *all);
  if (all == NULL)
    return fail(why, ENOMEM, "measure %s", name);
  if (S_ISDIR(status.st_mode)) {
    descend(all, dirfd, name);
    walk(all);
  } else {
    all->size.entries++;
    count(all, &status);
  }
  free(all->seen.slots);
  *ret_size = all->size;
  return 0;
}
