/* Where an entry goes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"
#include "inside.h"
#include "syscalls.h"
#include "untar_parts.h"

static int open_directory(const struct untar *untar, int from, const char *path) {
  const struct open_how how = {
      .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
      .resolve = RESOLVE_NO_MAGICLINKS,
  };
  int fd;

  do /* EAGAIN: a rename elsewhere raced with the walk (openat2(2)) */
    fd = untar->options->is_inside ? sys_openat2(from, path, &how)
                                   : fd_open_inside(from, path, O_PATH | O_DIRECTORY);
  while (fd < 0 && (errno == EAGAIN || errno == EINTR));
  return fd;
}

/* The first part of a cleaned name. */
static int take_first(const char *name, char ret_first[256], struct failure *why) {
  const size_t length = strcspn(name, "/");

  if (length > 255)
    return fail(why, ENAMETOOLONG, "copy %.64s", name);
  memcpy(ret_first, name, length);
  ret_first[length] = '\0';
  return 0;
}

/* Docker's rules (docker cp): `first` is what is copied, "" the contents of a directory. */
static int decide(struct untar *untar, const struct inside_place *target, bool is_directory,
                  struct failure *why) {
  const char *path = untar->options->target;
  const size_t size = strlen(path);
  const bool is_to_be_directory = size > 0 && path[size - 1] == '/';

  if (target->exists && is_directory)
    return fail(why, ENOTDIR, "copy a directory over the file %.120s", path);
  if (!target->exists && !is_directory && is_to_be_directory)
    return fail(why, ENOENT, "open directory %.120s", path);
  untar->base = fcntl(target->parent, F_DUPFD_CLOEXEC, 0);
  if (untar->base < 0)
    return fail(why, errno, "open the directory of %.120s", path);
  strcpy(untar->as, target->name);
  return 0;
}

int untar_begin(struct untar *untar, const struct tar_entry *entry, struct failure *why) {
  const struct untar_options *options = untar->options;
  const bool is_directory = entry != NULL && entry->type == TAR_DIRECTORY;
  char name[TAR_NAME_SIZE];
  struct inside_place target;
  int r;

  if (inside_find(options->root, options->target, true, &target, why) < 0)
    return -why->errnum;
  autoclose int parent = target.parent;
  if (target.exists && S_ISDIR(target.st.st_mode)) {
    untar->base = open_directory(untar, parent, target.name);
    return untar->base < 0 ? fail(why, errno, "open directory %.120s", options->target) : 0;
  }
  if (options->is_stream)
    return fail(why, target.exists ? ENOTDIR : ENOENT, "open directory %.120s", options->target);
  r = tar_name_clean(entry->name, name, why);
  if (r == 0)
    r = take_first(name, untar->first, why);
  return r < 0 ? r : decide(untar, &target, is_directory, why);
}

/* "a/b" is "new/b" where "a" is to be "new", and "new/a/b" where "" is. */
static int respell(const struct untar *untar, char path[TAR_NAME_SIZE], struct failure *why) {
  const size_t length = strlen(untar->first);
  char old[TAR_NAME_SIZE];

  if (untar->as[0] == '\0')
    return 0;
  if (strncmp(path, untar->first, length) != 0 ||
      (length > 0 && path[length] != '/' && path[length] != '\0'))
    return fail(why, EBADMSG, "is no part of what is copied");
  strcpy(old, path + length + (length > 0 && path[length] == '/'));
  const int n = snprintf(path, TAR_NAME_SIZE, "%s%s%s", untar->as, old[0] == '\0' ? "" : "/", old);
  return n >= (int) TAR_NAME_SIZE ? fail(why, ENAMETOOLONG, "name") : 0;
}

/* All that is missing of a directory's path, from the top. */
static int make_parents(struct untar *untar, char *path, struct failure *why) {
  for (char *end = path; end != NULL;) {
    end = strchr(end + 1, '/');
    if (end != NULL)
      *end = '\0';
    autoclose int fd = open_directory(untar, untar->base, path);
    if (fd < 0 && errno != ENOENT)
      return fail(why, errno, "open directory %.120s", path);
    if (fd < 0 && mkdirat(untar->base, path, 0755) < 0 && errno != EEXIST)
      return fail(why, errno, "make directory %.120s", path);
    if (end != NULL)
      *end = '/';
  }
  return 0;
}

int untar_open_parent(struct untar *untar, const char *path, struct failure *why) {
  const char *slash = strrchr(path, '/');
  const size_t size = slash == NULL ? 0 : (size_t) (slash - path);

  if (untar->parent >= 0 && strlen(untar->parent_path) == size &&
      memcmp(untar->parent_path, path, size) == 0)
    return untar->parent;
  if (untar->parent >= 0)
    (void) close(steal_fd(&untar->parent));
  memcpy(untar->parent_path, path, size);
  untar->parent_path[size] = '\0';
  if (size == 0) {
    untar->parent = fcntl(untar->base, F_DUPFD_CLOEXEC, 0);
  } else {
    untar->parent = open_directory(untar, untar->base, untar->parent_path);
    if (untar->parent < 0 && errno == ENOENT) {
      if (make_parents(untar, untar->parent_path, why) < 0)
        return -why->errnum;
      untar->parent = open_directory(untar, untar->base, untar->parent_path);
    }
  }
  return untar->parent < 0 ? fail(why, errno, "open directory %.120s", untar->parent_path)
                           : untar->parent;
}

int untar_place(struct untar *untar, const char *name, struct untar_place *ret_place,
                struct failure *why) {
  if (tar_name_clean(name, ret_place->path, why) < 0 || respell(untar, ret_place->path, why) < 0)
    return -why->errnum;
  ret_place->parent = untar_open_parent(untar, ret_place->path, why);
  if (ret_place->parent < 0)
    return ret_place->parent;
  const char *slash = strrchr(ret_place->path, '/');
  ret_place->name = slash != NULL ? slash + 1 : ret_place->path[0] == 0 ? "." : ret_place->path;
  ret_place->exists =
      fstatat(ret_place->parent, ret_place->name, &ret_place->st, AT_SYMLINK_NOFOLLOW) == 0;
  if (!ret_place->exists && errno != ENOENT)
    return fail(why, errno, "look at what is there");
  return 0;
}
