/* own_name.c — who changes what names mean holds locks/names (lib/engine/names.ts): without it, the
 * link that we have looked at could be another container's when we take it away.
 */
#include "own_name.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/lock.h"

/* Longer than anybody holds the lock who is not stopped himself. */
enum { LOCK_TRIES = 400, LOCK_PAUSE_NS = 5000000 };

/* Where the directory's part of a path ends. */
static int directory_length(const char *path) {
  const char *slash = strrchr(path, '/');

  return slash == NULL ? 0 : (int) (slash - path);
}

static const char *last_part(const char *path) {
  const char *slash = strrchr(path, '/');

  return slash == NULL ? path : slash + 1;
}

static bool is_ours(int names, const char *name, const char *id) {
  char text[128];
  const ssize_t length = readlinkat(names, name, text, sizeof text);

  return length > 0 && (size_t) length == strlen(id) && memcmp(text, id, (size_t) length) == 0;
}

static void find_in(int names, const char *id, char ret_name[static NAME_MAX + 1]) {
  const int fd = openat(names, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *directory = fd < 0 ? NULL : fdopendir(fd);

  if (directory == NULL) {
    if (fd >= 0)
      (void) close(fd);
    return;
  }
  for (const struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory))
    if (is_ours(names, entry->d_name, id)) {
      (void) snprintf(ret_name, NAME_MAX + 1, "%s", entry->d_name);
      break;
    }
  (void) closedir(directory);
}

static int open_names(const char *link) {
  char path[PATH_MAX];

  if (snprintf(path, sizeof path, "%.*s", directory_length(link), link) >= (int) sizeof path)
    return -1;
  return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void find(int names, const char *link, const char *id, char ret_name[static NAME_MAX + 1]) {
  const char *name = last_part(link);

  ret_name[0] = '\0';
  if (names >= 0 && is_ours(names, name, id))
    (void) snprintf(ret_name, NAME_MAX + 1, "%s", name);
  else if (names >= 0)
    find_in(names, id, ret_name);
}

void own_name_find(const struct plan *plan, char ret_name[static NAME_MAX + 1]) {
  const char *link = plan_text(plan, PLAN_NAME);
  const char *id = plan_text(plan, PLAN_CONTAINER);

  ret_name[0] = '\0';
  if (link == NULL || id == NULL)
    return;
  autoclose int names = open_names(link);
  find(names, link, id, ret_name);
  if (ret_name[0] == '\0')
    (void) snprintf(ret_name, NAME_MAX + 1, "%s", last_part(link));
}

/* -1 where it cannot be had. */
static int lock_names(const char *link) {
  const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
  const struct lock_request request = {.exclusive = true, .create = true};
  struct failure ignored;
  char path[PATH_MAX];
  int lock = -1;
  int r = -EWOULDBLOCK;

  if (snprintf(path, sizeof path, "%.*s/../locks/names", directory_length(link), link) >=
      (int) sizeof path)
    return -1;
  for (int i = 0; r == -EWOULDBLOCK && i < LOCK_TRIES; i++) {
    r = lock_try(path, request, &lock, &ignored);
    if (r == -EWOULDBLOCK)
      (void) nanosleep(&pause, NULL);
  }
  return r < 0 ? -1 : lock;
}

void own_name_release(const struct plan *plan) {
  const char *link = plan_text(plan, PLAN_NAME);
  const char *id = plan_text(plan, PLAN_CONTAINER);
  char name[NAME_MAX + 1];

  if (link == NULL || id == NULL)
    return;
  autoclose int names = open_names(link);
  autoclose int lock = names < 0 ? -1 : lock_names(link);
  if (lock < 0)
    return;
  find(names, link, id, name);
  if (name[0] != '\0')
    (void) unlinkat(names, name, 0);
}
