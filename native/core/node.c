#include "node.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "inside.h"
#include "mounts.h"
#include "syscalls.h"

static bool is_asked_for(int fd, const struct node_request *request) {
  struct stat status;

  return fstat(fd, &status) == 0 && (status.st_mode & S_IFMT) == (request->mode & S_IFMT) &&
         (S_ISFIFO(status.st_mode) || status.st_rdev == request->device);
}

/* Its directory, made when missing, and its name in there. */
static int find_place(int root, const char *path, int *ret_parent, const char **ret_name,
                      struct failure *why) {
  char parent[PATH_MAX];
  const char *slash = strrchr(path, '/');
  const char *name = slash == NULL ? path : slash + 1;
  const size_t length = (size_t) (name - path);

  if (length >= sizeof parent || strlen(name) > NAME_MAX)
    return fail(why, ENAMETOOLONG, "make node %.64s…", path);
  if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
    return fail(why, EINVAL, "make node %s", path);
  memcpy(parent, path, length);
  parent[length] = '\0';
  *ret_name = name;
  return inside_make_directory(root, length == 0 ? "/" : parent, 0755, ret_parent, why);
}

static int open_made(int parent, const char *name, const struct node_request *request, int *ret_fd,
                     struct failure *why) {
  autoclose int fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

  if (fd < 0)
    return fail(why, errno, "open node %s", request->path);
  if (!is_asked_for(fd, request))
    return fail(why, EEXIST, "make node %s: something else is there", request->path);
  *ret_fd = steal_fd(&fd);
  return 0;
}

/* In this order: a change of owner clears bits of the mode. */
static int give_to_owner(int fd, const struct node_request *request, struct failure *why) {
  char path[32];

  if (fchownat(fd, "", request->uid, request->gid, AT_EMPTY_PATH) < 0)
    return fail(why, errno, "give node %s to %u:%u", request->path, request->uid, request->gid);
  (void) snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  if (chmod(path, request->mode & 07777) < 0)
    return fail(why, errno, "set the mode of node %s", request->path);
  return 0;
}

static int bind_of_machine(int root, const struct node_request *request, struct failure *why) {
  const struct mount_attributes change = {
      .set = ATTRIBUTE_READONLY | ATTRIBUTE_NOSUID | ATTRIBUTE_NOEXEC,
      .propagation = MS_PRIVATE,
  };
  autoclose int source = open(request->path, O_PATH | O_CLOEXEC);

  if (source < 0)
    return fail(why, errno, "bind node %s of this machine, since none can be made", request->path);
  if (!is_asked_for(source, request))
    return fail(why, ENODEV, "bind node %s of this machine: it is another device", request->path);
  autoclose int tree = sys_open_tree(source, "", TREE_CLONE | TREE_CLOEXEC | TREE_EMPTY_PATH);
  if (tree < 0 || sys_mount_setattr(tree, 0, &change) < 0)
    return fail(why, errno, "bind node %s of this machine", request->path);
  return mounts_attach(root, tree, request->path, why);
}

/* As a bind leaves it behind: the next one may be made there. */
static bool is_mount_point(int parent, const char *name) {
  struct stat status;

  return fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode) &&
         status.st_size == 0;
}

int node_make(int root, const struct node_request *request, struct failure *why) {
  autoclose int parent = -1;
  autoclose int fd = -1;
  const char *name = NULL;
  int r;

  r = find_place(root, request->path, &parent, &name, why);
  if (r < 0)
    return r;
  if (!request->is_there && mknodat(parent, name, request->mode, request->device) == 0) {
    r = open_made(parent, name, request, &fd, why);
    return r < 0 ? r : give_to_owner(fd, request, why);
  }
  const int errnum = errno;
  if (errnum == EPERM || (errnum == EEXIST && is_mount_point(parent, name)))
    if (!request->is_there && !S_ISFIFO(request->mode))
      return bind_of_machine(root, request, why);
  if (request->is_there || errnum == EEXIST)
    return open_made(parent, name, request, &fd, why);
  return fail(why, errnum, "make node %s", request->path);
}
