/* probe.c — `probe DIRECTORY`: can this directory carry a container's overlay?
 *
 * No version is compared: a small overlay is mounted there, as a container's would be, and
 * written to. What a host lacks shows in different steps: the mount (before Linux 5.11, on
 * overlayfs, under some filters), a whiteout (no RENAME_WHITEOUT below), attributes (NFS). */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/overlay.h"
#include "../core/tree.h"
#include "report.h"
#include "verb.h"

struct place {
  char path[4096];
  char lower[4160], upper[4160], work[4160], merged[4160];
};

static int make_directory(const char *base, const char *name, char *ret_path, size_t size,
                          struct failure *why) {
  (void) snprintf(ret_path, size, "%s/%s", base, name);
  if (mkdir(ret_path, 0700) < 0)
    return fail(why, errno, "make %s", ret_path);
  return 0;
}

static int make_file(const char *base, const char *name, struct failure *why) {
  char path[4200];

  (void) snprintf(path, sizeof path, "%s/%s", base, name);
  autoclose int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  return fd < 0 ? fail(why, errno, "make %s", path) : 0;
}

/* Under a name of its own: of a probe that was killed the pid may come again. */
static int prepare(const char *directory, struct place *place, struct failure *why) {
  char path[sizeof place->path];
  int r;

  (void) snprintf(path, sizeof path, "%s/.probe-XXXXXX", directory);
  if (mkdtemp(path) == NULL)
    return fail(why, errno, "make %s", path);
  memcpy(place->path, path, sizeof path);
  r = make_directory(place->path, "lower", place->lower, sizeof place->lower, why);
  if (r < 0)
    return r;
  r = make_directory(place->path, "upper", place->upper, sizeof place->upper, why);
  if (r < 0)
    return r;
  r = make_directory(place->path, "work", place->work, sizeof place->work, why);
  if (r < 0)
    return r;
  r = make_directory(place->path, "merged", place->merged, sizeof place->merged, why);
  return r < 0 ? r : make_file(place->lower, "below", why);
}

static int mount_there(struct place *place, struct failure *why) {
  char option[] = "userxattr";
  char *options[] = {option, NULL};
  char *lowers[] = {place->lower, NULL};
  const struct overlay overlay = {
      .upper = place->upper, .work = place->work, .lowers = lowers, .options = options};

  if (unshare(CLONE_NEWNS) < 0)
    return fail(why, errno, "make a mount namespace");
  if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
    return fail(why, errno, "stop mounts from reaching the host");
  return overlay_mount(place->merged, &overlay, why);
}

/* A new file, a whiteout over an old one, an opaque directory: each leaves its mark above. */
static int write_there(const struct place *place, struct failure *why) {
  char path[4200];
  struct stat status;
  int r;

  r = make_file(place->merged, "new", why);
  if (r < 0)
    return r;
  (void) snprintf(path, sizeof path, "%s/below", place->merged);
  if (unlink(path) < 0)
    return fail(why, errno, "delete a lower file");
  if (mkdir(path, 0700) < 0)
    return fail(why, errno, "replace a lower file by a directory");
  if (rmdir(path) < 0)
    return fail(why, errno, "delete a directory over a lower file");
  (void) snprintf(path, sizeof path, "%s/below", place->upper);
  if (lstat(path, &status) < 0)
    return fail(why, errno, "find the whiteout");
  if (!S_ISCHR(status.st_mode))
    return fail(why, EINVAL, "find the whiteout: it is no device");
  return 0;
}

static int try_overlay(struct place *place, struct failure *why) {
  int r;

  r = mount_there(place, why);
  if (r < 0)
    return r;
  r = write_there(place, why);
  (void) umount2(place->merged, MNT_DETACH);
  return r;
}

int probe_main(int argc, char *argv[], struct failure *why) {
  struct place place = {0};
  struct failure refusal = {0};
  int r;

  if (argc != 1)
    return fail(why, EINVAL, "probe takes a directory");
  r = prepare(argv[0], &place, why);
  if (r == 0)
    r = try_overlay(&place, &refusal);
  struct failure ignored;
  if (place.path[0] != '\0')
    (void) tree_remove(AT_FDCWD, place.path, &ignored);
  if (why->errnum != 0)
    return -why->errnum;

  struct report report = report_open("probed");
  report_number(&report, "overlay", r == 0);
  report_number(&report, "errno", refusal.errnum);
  report_text(&report, "what", refusal.what);
  report_send(&report);
  return 0;
}
