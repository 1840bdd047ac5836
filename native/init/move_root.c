#include "move_root.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "../core/cleanup.h"

struct mount_line {
  char *target;
  char *type;
};

/* "\040" is a space (proc(5), /proc/PID/mountinfo). */
static void unescape(char *text) {
  char *to = text;

  for (const char *from = text; *from != '\0'; to++) {
    unsigned value;

    if (*from == '\\' && sscanf(from, "\\%3o", &value) == 1) {
      *to = (char) value;
      from += 4;
    } else {
      *to = *from++;
    }
  }
  *to = '\0';
}

/* The fifth word is where it is; behind a dash comes its type. */
static bool parse(char *line, struct mount_line *ret_mount) {
  char *rest = line, *dash = strstr(line, " - ");

  if (dash == NULL)
    return false;
  for (int i = 0; i < 5; i++)
    ret_mount->target = strsep(&rest, " ");
  ret_mount->type = dash + 3;
  ret_mount->type[strcspn(ret_mount->type, " ")] = '\0';
  if (ret_mount->target == NULL)
    return false;
  unescape(ret_mount->target);
  return true;
}

static bool is_below(const char *path, const char *directory) {
  const size_t length = strlen(directory);

  return strncmp(path, directory, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* A mount that came with the namespace of another user is locked, and covered instead. */
static int let_go(const char *target, struct failure *why) {
  if (umount2(target, MNT_DETACH) == 0 || errno == ENOENT)
    return 0;
  if (errno != EINVAL && errno != EPERM)
    return fail(why, errno, "let go of %s", target);
  if (mount("tmpfs", target, "tmpfs", 0, "size=0") < 0 && errno != ENOENT)
    return fail(why, errno, "cover %s", target);
  return 0;
}

/* A user namespace inside might mount /proc anew where one is in its mount namespace that nothing
 * covers, whatever is masked in ours (mount_too_revealing() in fs/namespace.c). */
static int let_go_of_kernel(const char *root, struct failure *why) {
  FILE *file = fopen("/proc/self/mountinfo", "re");
  autofree char *line = NULL;
  struct mount_line mount;
  size_t size = 0;
  int r = 0;

  if (file == NULL)
    return fail(why, errno, "open /proc/self/mountinfo");
  while (r == 0 && getline(&line, &size, file) > 0)
    if (parse(line, &mount) && !is_below(mount.target, root) &&
        (strcmp(mount.type, "proc") == 0 || strcmp(mount.type, "sysfs") == 0))
      r = let_go(mount.target, why);
  (void) fclose(file);
  return r;
}

int move_root(int root, struct failure *why) {
  char link[32], path[4096];

  (void) snprintf(link, sizeof link, "/proc/self/fd/%d", root);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0)
    return fail(why, errno, "find the new root");
  path[length] = '\0';
  if (fchdir(root) < 0)
    return fail(why, errno, "enter the new root");
  const int r = let_go_of_kernel(path, why);
  if (r < 0)
    return r;
  if (mount(".", "/", NULL, MS_MOVE, NULL) < 0)
    return fail(why, errno, "move the new root");
  if (chroot(".") < 0)
    return fail(why, errno, "make it the root");
  if (chdir("/") < 0)
    return fail(why, errno, "enter /");
  return 0;
}
