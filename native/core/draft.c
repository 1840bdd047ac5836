#include "draft.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"

static int write_entry(int directory, const struct draft_entry *entry, bool durable,
                       struct failure *why) {
  int r;

  if (entry->is_directory) {
    /* The second call is for the caller's umask, which says nothing of modes inside. */
    if (mkdirat(directory, entry->name, entry->mode) < 0 ||
        fchmodat(directory, entry->name, entry->mode, 0) < 0)
      return fail(why, errno, "make %s", entry->name);
    return 0;
  }
  autoclose int fd =
      openat(directory, entry->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, entry->mode);
  if (fd < 0 || fchmod(fd, entry->mode) < 0)
    return fail(why, errno, "make %s", entry->name);
  r = fd_write_all(fd, entry->bytes, entry->size, why);
  if (r < 0)
    return fail_while(why, "%.50s", entry->name);
  if (durable && fsync(fd) < 0)
    return fail(why, errno, "sync %s", entry->name);
  return 0;
}

int draft_write(const struct draft *draft, struct failure *why) {
  int r;

  if (mkdir(draft->path, 0700) < 0)
    return fail(why, errno, "make %s", draft->path);
  autoclose int directory = open(draft->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0)
    return fail(why, errno, "open %s", draft->path);
  for (size_t i = 0; i < draft->count; i++) {
    r = write_entry(directory, &draft->entries[i], draft->durable, why);
    if (r < 0)
      return r;
  }
  if (draft->durable && fsync(directory) < 0)
    return fail(why, errno, "sync %s", draft->path);
  return 0;
}

int draft_sync(const char *path, struct failure *why) {
  autoclose int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd < 0)
    return fail(why, errno, "open %s", path);
  if (syncfs(fd) < 0)
    return fail(why, errno, "sync the file system of %s", path);
  return 0;
}
