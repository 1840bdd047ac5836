#include "view.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/userns.h"
#include "child_parts.h"
#include "filesystem.h"
#include "namespaces.h"

/* The kernel's own, which copies of all of / must not try to read to their end. */
static const char *const kernels_own[] = {"/proc", "/sys", "/dev"};

/* Who is in a namespace without a root is the one whom it has. */
static int become_somebody(struct failure *why) {
  const int r = userns_become_root(why);

  return r == -EINVAL ? 0 : r;
}

/* Where the container's first process is our own, which lets nobody ask (init/reaper.h). */
static int enter_command(pid_t first) {
  autoclose int pidfd = -1;
  const int r = namespaces_find_child(first, &first, &pidfd);

  if (r < 0) {
    errno = -r;
    return -1;
  }
  return setns(pidfd, CLONE_NEWUSER | CLONE_NEWNS);
}

/* Its mounts are copied: ours may be undone, and its own changes do not reach us. Both namespaces
 * are entered: in the copy of a stranger's mounts none could be undone (mount_namespaces(7)). */
static int enter_running(const char *live, const char *name, struct failure *why) {
  pid_t pid = 0;
  autoclose int pidfd = -1;

  if (namespaces_find(live, name, &pid, &pidfd, why) < 0)
    return -why->errnum;
  /* Whoever there may look into others is not to look into us. */
  if (prctl(PR_SET_DUMPABLE, 0) < 0)
    return fail(why, errno, "hide from the container");
  if (setns(pidfd, CLONE_NEWUSER | CLONE_NEWNS) < 0 && (errno != EPERM || enter_command(pid) < 0))
    return fail(why, errno, "enter container %s", name);
  if (become_somebody(why) < 0)
    return -why->errnum;
  if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0)
    return fail(why, errno, "copy the mounts of container %s", name);
  for (size_t i = 0; i < sizeof kernels_own / sizeof *kernels_own; i++)
    (void) umount2(kernels_own[i], MNT_DETACH | UMOUNT_NOFOLLOW);
  return 0;
}

static int start_filesystems(struct view *view, struct failure *why) {
  size_t count = 0;

  for (size_t i = 0; i < view->plan.count; i++) {
    const struct operation *operation = &view->plan.operations[i];

    if (operation->code != PLAN_FUSE_OVERLAYFS)
      continue;
    if (count == VIEW_FILESYSTEMS_MAX)
      return fail(why, E2BIG, "mount more than %d file systems", VIEW_FILESYSTEMS_MAX);
    if (filesystem_start(operation->arguments[0].text, operation->arguments[1].list,
                         &view->filesystems[count++], why) < 0)
      return fail_in_step(why, "fuse-overlayfs");
  }
  return 0;
}

static int take_step(struct child *child, const struct operation *operation, struct failure *why) {
  const struct child_step *step = child_root_steps;

  if (operation->code == PLAN_FUSE_OVERLAYFS)
    return 0;
  while (step->take != NULL && step->code != operation->code)
    step++;
  if (step->take == NULL)
    return fail(why, EINVAL, "a root has no %s", plan_name(operation->code));
  return step->take(child, operation->arguments, why) < 0
             ? fail_in_step(why, plan_name(operation->code))
             : 0;
}

/* What is bound from paths that have gone is left out: a container that cannot be started for that
 * has other files, too. */
static void tolerate(struct operation *operation) {
  if (operation->code == PLAN_BIND)
    operation->arguments[2].number |= BIND_OPTIONAL;
}

/* "0,3,4": of all operations, these are left. */
static int choose(struct plan *plan, const char *numbers, struct failure *why) {
  size_t count = 0;
  size_t least = 0;

  while (*numbers != '\0') {
    char *end = NULL;
    const unsigned long number = strtoul(numbers, &end, 10);

    if (end == numbers || number < least || number >= plan->count || (*end != ',' && *end != '\0'))
      return fail(why, EINVAL, "there is no operation %.16s", numbers);
    plan->operations[count] = plan->operations[number];
    tolerate(&plan->operations[count++]);
    least = number + 1;
    numbers = end + (*end == ',');
  }
  plan->count = count;
  return 0;
}

static int enter_stopped(char *const *words, struct view *view, struct failure *why) {
  static struct child child = {.root = -1, .empty = -1}; /* static: it is large */

  if (plan_read(words[0], &view->plan, why) < 0 || choose(&view->plan, words[1], why) < 0 ||
      userns_become_root(why) < 0 || start_filesystems(view, why) < 0)
    return -why->errnum;
  if (unshare(CLONE_NEWNS) < 0)
    return fail(why, errno, "make a mount namespace");
  for (size_t i = 0; i < view->plan.count; i++)
    if (take_step(&child, &view->plan.operations[i], why) < 0)
      return -why->errnum;
  return 0;
}

static int enter(char **words, size_t count, struct view *view, struct failure *why) {
  (void) umask(0); /* modes are exact */
  if (count == 1 && strcmp(words[0], "here") == 0)
    return 0;
  view->is_inside = true;
  if (count == 3 && strcmp(words[0], "running") == 0)
    return enter_running(words[1], words[2], why);
  if (count == 3 && strcmp(words[0], "stopped") == 0)
    return enter_stopped(words + 1, view, why);
  return fail(why, EINVAL, "there is no view %s", words[0]);
}

/* How many words the first one begins. */
static size_t count_of(const char *word) {
  return strcmp(word, "running") == 0 || strcmp(word, "stopped") == 0 ? 3 : 1;
}

int view_enter(int *argc, char ***argv, struct view *view, struct failure *why) {
  const size_t count = *argc > 0 ? count_of(**argv) : 1;

  *view = (struct view){0};
  for (size_t i = 0; i < VIEW_FILESYSTEMS_MAX; i++)
    view->filesystems[i] = COMPANION_NONE;
  if (*argc < (int) count)
    return fail(why, EINVAL, "a view is missing");
  char **words = *argv;
  *argc -= (int) count;
  *argv += count;
  return enter(words, count, view, why);
}

/* What the kernel still keeps of a file system is gone with the program that serves it. */
static void flush(const struct view *view) {
  autoclose int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (root >= 0 && plan_find(&view->plan, PLAN_FUSE_OVERLAYFS) != NULL)
    (void) syncfs(root);
}

void view_leave(struct view *view) {
  size_t count = 0;

  flush(view);
  for (size_t i = 0; i < view->plan.count && count < VIEW_FILESYSTEMS_MAX; i++) {
    const struct operation *operation = &view->plan.operations[i];

    if (operation->code != PLAN_FUSE_OVERLAYFS)
      continue;
    if (view->filesystems[count].pid > 0)
      filesystem_stop(operation->arguments[0].text, &view->filesystems[count]);
    count++;
  }
  plan_free(&view->plan);
}
