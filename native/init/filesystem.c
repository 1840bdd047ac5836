#include "filesystem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "../core/cleanup.h"

#define FUSE_MAGIC 0x65735546
#define TIMEOUT_MS 30000

static bool is_mounted(const char *target) {
  struct statfs status;

  return statfs(target, &status) == 0 && status.f_type == FUSE_MAGIC;
}

/* What the program wrote to stderr before it gave up, on one line. */
static int give_up(int words, struct failure *why) {
  char text[256];
  const ssize_t n = pread(words, text, sizeof text - 1, 0);

  text[n < 0 ? 0 : n] = '\0';
  text[strcspn(text, "\n")] = '\0';
  return fail(why, EIO, "mount fuse-overlayfs: %s", text[0] == '\0' ? "it ended" : text);
}

/* poll(2) on mountinfo wakes at every change of this mount namespace (proc(5)). */
static int wait_mounted(const char *target, int pidfd, int words, struct failure *why) {
  autoclose int mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
  struct pollfd polled[] = {
      {.fd = mounts, .events = POLLPRI},
      {.fd = pidfd, .events = POLLIN},
  };

  if (mounts < 0)
    return fail(why, errno, "open /proc/self/mountinfo");
  while (!is_mounted(target)) {
    const int n = poll(polled, sizeof polled / sizeof *polled, TIMEOUT_MS);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return fail(why, errno, "wait for fuse-overlayfs");
    if (n == 0)
      return fail(why, ETIMEDOUT, "wait for fuse-overlayfs");
    if (polled[1].revents != 0)
      return give_up(words, why);
  }
  return 0;
}

int filesystem_start(const char *target, char *const *argv, struct companion *ret_companion,
                     struct failure *why) {
  autoclose int words = memfd_create("fuse-overlayfs", MFD_CLOEXEC);
  struct companion companion = COMPANION_NONE;
  int r;

  if (unshare(CLONE_NEWNS) < 0)
    return fail(why, errno, "make a mount namespace");
  if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
    return fail(why, errno, "stop mounts from reaching the host");

  r = companion_start(argv, (int[]){-1, -1, words}, &companion, why);
  if (r < 0)
    return r;
  r = wait_mounted(target, companion.pidfd, words, why);
  if (r < 0) {
    filesystem_stop(target, &companion);
    return r;
  }
  *ret_companion = companion;
  return 0;
}

/* Lazily: the container's own mount namespace may take a moment to go. */
void filesystem_stop(const char *target, struct companion *companion) {
  (void) umount2(target, MNT_DETACH);
  companion_stop(companion, NULL);
}
