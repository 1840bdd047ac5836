#include "mounts_old.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "cleanup.h"
#include "inside.h"
#include "syscalls.h"

/* FSCONFIG_SET_STRING: 256 with the NUL. */
#define LONGEST_TEXT 255

/* What mount(2) takes of a page. */
#define MOST_OPTIONS 4095

bool mounts_needs_old(const struct mount_request *request) {
  if (request->wishes.superblock != 0 || strlen(request->source) > LONGEST_TEXT)
    return true;
  for (char *const *option = request->options; *option != NULL; option++)
    if (strlen(*option) > LONGEST_TEXT)
      return true;
  return false;
}

static int join_options(const struct mount_request *request, char text[MOST_OPTIONS + 1],
                        struct failure *why) {
  size_t size = 0;

  text[0] = '\0';
  for (char *const *option = request->options; *option != NULL; option++) {
    const int n =
        snprintf(text + size, MOST_OPTIONS + 1 - size, "%s%s", size == 0 ? "" : ",", *option);

    if (n < 0 || size + (size_t) n > MOST_OPTIONS)
      return fail(why, E2BIG, "mount %s on %s: its options", request->type, request->target);
    size += (size_t) n;
  }
  return 0;
}

static unsigned long flags_of(unsigned attributes) {
  static const struct {
    unsigned attribute;
    unsigned long flag;
  } rows[] = {
      {ATTRIBUTE_READONLY, MS_RDONLY},       {ATTRIBUTE_NOSUID, MS_NOSUID},
      {ATTRIBUTE_NODEV, MS_NODEV},           {ATTRIBUTE_NOEXEC, MS_NOEXEC},
      {ATTRIBUTE_NOATIME, MS_NOATIME},       {ATTRIBUTE_STRICTATIME, MS_STRICTATIME},
      {ATTRIBUTE_NODIRATIME, MS_NODIRATIME}, {ATTRIBUTE_NOSYMFOLLOW, OLD_NOSYMFOLLOW},
  };
  unsigned long flags = 0;

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (attributes & rows[i].attribute)
      flags |= rows[i].flag;
  return flags;
}

int mounts_old(int root, int place, const struct mount_request *request, struct failure *why) {
  static char options[MOST_OPTIONS + 1]; /* as much as a page, in a process that does this once */
  const struct mount_wishes *wishes = &request->wishes;
  autoclose int mounted = -1;
  char path[32];
  int r;

  r = join_options(request, options, why);
  if (r < 0)
    return r;
  (void) snprintf(path, sizeof path, "/proc/self/fd/%d", place);
  if (mount(request->source, path, request->type,
            flags_of(request->attributes) | (unsigned long) wishes->superblock, options) < 0)
    return fail(why, errno, "mount %s on %s", request->type, request->target);
  if (wishes->propagation == 0)
    return 0;
  r = inside_open(root, request->target, 0, &mounted, why);
  if (r < 0)
    return r;
  r = mounts_grant(mounted, wishes);
  return r < 0 ? fail(why, -r, "set the options of the mount on %s", request->target) : 0;
}
