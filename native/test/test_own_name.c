/* test_own_name.c — a container's name is found after a rename, and only its own is given back. */
#include "../init/own_name.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/lock.h"
#include "../core/tree.h"
#include "tap.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

static char root[] = "/tmp/own-name-XXXXXX";

static const char *name(const char *of) {
  static char path[4][128];
  static int next = 0;
  char *text = path[next++ % 4];

  (void) snprintf(text, sizeof *path, "%s/names/%s", root, of);
  return text;
}

static bool is_there(const char *of) {
  struct stat status;

  return lstat(name(of), &status) == 0;
}

static void means(const char *of, const char *id) {
  (void) unlink(name(of));
  if (symlink(id, name(of)) < 0)
    abort();
}

/* Made when the container was called web. */
static const struct plan *plan(void) {
  static struct operation operations[2] = {{.code = PLAN_CONTAINER}, {.code = PLAN_NAME}};
  static const struct plan made = {.operations = operations, .count = 2};

  operations[0].arguments[0].text = ID;
  operations[1].arguments[0].text = name("web");
  return &made;
}

static const char *found(void) {
  static char text[NAME_MAX + 1];

  own_name_find(plan(), text);
  return text;
}

static void finds(void) {
  means("web", ID);
  means("db", OTHER);
  is_text(found(), "web", "it has the name that the plan says");
  (void) unlink(name("web"));
  means("shop", ID);
  is_text(found(), "shop", "or the one it was given since");
  means("web", OTHER);
  is_text(found(), "shop", "also when its old one is another's");
  means("prefix", "0123");
  means("longer", ID "0");
  (void) unlink(name("shop"));
  is_text(found(), "web", "what only begins like its id is not its own: it keeps the plan's");
}

static void releases(void) {
  means("web", ID);
  own_name_release(plan());
  is_int(is_there("web"), 0, "its name is given back");
  means("web", OTHER);
  means("shop", ID);
  own_name_release(plan());
  is_int(is_there("web"), 1, "but not what is another's by now");
  is_int(is_there("shop"), 0, "and the one it has instead is");
  own_name_release(plan());
  is_int(is_there("web") && is_there("db"), 1, "twice is fine");
}

static void waits(void) {
  char path[128];
  autoclose int lock = -1;
  struct failure why;
  const struct lock_request request = {.exclusive = true, .create = true};

  (void) snprintf(path, sizeof path, "%s/locks/names", root);
  if (lock_try(path, request, &lock, &why) < 0)
    abort();
  means("shop", ID);
  own_name_release(plan());
  is_int(is_there("shop"), 1, "while somebody else changes names, for ever, nothing is taken away");
}

int main(void) {
  char path[128];
  struct failure why;

  if (mkdtemp(root) == NULL)
    abort();
  (void) snprintf(path, sizeof path, "%s/names", root);
  (void) mkdir(path, 0700);
  (void) snprintf(path, sizeof path, "%s/locks", root);
  (void) mkdir(path, 0700);
  finds();
  releases();
  waits();
  is_int(tree_remove(AT_FDCWD, root, &why), 0, "the directory is removed");
  return done_testing();
}
