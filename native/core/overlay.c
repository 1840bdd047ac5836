#include "overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

/* OVL_MAX_STACK is 500, Docker's limit 127: what is opened here is closed by overlay_mount(). */
#define MAX_DIRECTORIES 512
#define PAGE 4096

struct request {
  int fds[MAX_DIRECTORIES];
  size_t count;
  char text[PAGE];
  size_t used;
};

static int append(struct request *request, struct failure *why, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int append(struct request *request, struct failure *why, const char *format, ...) {
  const size_t room = sizeof request->text - request->used;
  va_list args;

  va_start(args, format);
  const int n = vsnprintf(request->text + request->used, room, format, args);
  va_end(args);
  if (n < 0 || (size_t) n >= room)
    return fail(why, E2BIG, "mount overlay: options longer than a page");
  request->used += (size_t) n;
  return 0;
}

static int append_directory(struct request *request, const char *prefix, const char *path,
                            struct failure *why) {
  if (request->count == MAX_DIRECTORIES)
    return fail(why, E2BIG, "mount overlay: more than %d directories", MAX_DIRECTORIES);
  const int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return fail(why, errno, "open layer %s", path);
  request->fds[request->count++] = fd;
  return append(request, why, "%s/proc/self/fd/%d", prefix, fd);
}

static int describe(struct request *request, const struct overlay *overlay, struct failure *why) {
  int r;

  for (char *const *lower = overlay->lowers; *lower != NULL; lower++) {
    r = append_directory(request, lower == overlay->lowers ? "lowerdir=" : ":", *lower, why);
    if (r < 0)
      return r;
  }
  if (overlay->upper[0] != '\0') {
    r = append_directory(request, ",upperdir=", overlay->upper, why);
    if (r < 0)
      return r;
    r = append_directory(request, ",workdir=", overlay->work, why);
    if (r < 0)
      return r;
  }
  for (char *const *option = overlay->options; *option != NULL; option++) {
    r = append(request, why, ",%s", *option);
    if (r < 0)
      return r;
  }
  return 0;
}

int overlay_mount(const char *target, const struct overlay *overlay, struct failure *why) {
  struct request request = {0};
  int r = describe(&request, overlay, why);

  if (r == 0 && mount("overlay", target, "overlay", 0, request.text) < 0)
    r = fail(why, errno, "mount overlay of %zu directories on %s", request.count, target);
  while (request.count > 0)
    (void) close(request.fds[--request.count]);
  return r;
}
