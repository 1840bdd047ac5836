/* test_lock.c — who holds a file, and who may make it. */
#include "../core/lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/tree.h"
#include "tap.h"

#define EXCLUSIVE ((struct lock_request){.exclusive = true, .create = true})
#define SHARED ((struct lock_request){.create = true})
#define EXISTING ((struct lock_request){.exclusive = true})

static struct failure why;

static int entries_in(const char *directory) {
  DIR *stream = opendir(directory);
  int count = 0;

  while (stream != NULL && readdir(stream) != NULL)
    count++;
  if (stream != NULL)
    (void) closedir(stream);
  return count - 2; /* . and .. */
}

static void excludes(const char *path) {
  int first = -1, second = -1, third = -1;

  is_int(lock_try(path, EXISTING, &first, &why), -ENOENT, "what must exist is not made");
  is_int(lock_try(path, SHARED, &first, &why), 0, "a shared lock is taken");
  is_int(lock_try(path, SHARED, &second, &why), 0, "and shared");
  is_int(lock_try(path, EXCLUSIVE, &third, &why), -EWOULDBLOCK, "an exclusive one waits for both");
  is_text(why.what + strlen(why.what) - 5, "/lock", "and says for which file");
  (void) close(first);
  (void) close(second);
  is_int(lock_try(path, EXCLUSIVE, &third, &why), 0, "then it is taken");
  (void) unlink(path);
  is_int(lock_try(path, EXCLUSIVE, &first, &why), 0, "a file made anew is another lock");
  (void) close(first);
  (void) close(third);
}

static void makes(const char *directory) {
  char path[4200], text[8] = "";
  int held = -1, other = -1;

  (void) snprintf(path, sizeof path, "%s/box", directory);
  is_int(lock_create(directory, "box", "first", &held, &why), 0, "a locked file is made");
  is_int(lock_try(path, EXISTING, &other, &why), -EWOULDBLOCK, "nobody else can lock it");
  is_int(lock_create(directory, "box", "second", &other, &why), -EEXIST, "nor make it again");
  is_int(entries_in(directory), 1, "and no draft stays behind");
  is_int(pread(held, text, sizeof text - 1, 0), 5, "it holds its text");
  is_text(text, "first", "the first one's");
  (void) close(held);
  is_int(lock_try(path, EXISTING, &other, &why), 0, "who closes it lets go of it");
  (void) close(other);
}

/* A process of our number, killed half-way, in a life before this one. */
static void takes_over_drafts(const char *directory) {
  char path[4200];
  int held = -1;

  (void) snprintf(path, sizeof path, "%s/.draft-late-%d", directory, (int) getpid());
  (void) close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  is_int(lock_create(directory, "late", "", &held, &why), 0, "a dead one's draft is no obstacle");
  is_int(entries_in(directory), 2, "and is gone");
  (void) close(held);
}

int main(void) {
  char directory[] = "/tmp/marmita-lock-XXXXXX";
  char path[64];

  if (mkdtemp(directory) == NULL)
    return 1;
  (void) snprintf(path, sizeof path, "%s/lock", directory);
  excludes(path);
  (void) unlink(path);
  makes(directory);
  takes_over_drafts(directory);
  (void) tree_remove(AT_FDCWD, directory, &why);
  return done_testing();
}
