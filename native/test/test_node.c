/* test_node.c — device nodes and pipes, where they can be made and where they cannot. */
#include "../core/node.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/fd.h"
#include "../core/tree.h"
#include "tap.h"

static int make(int root, const char *path, mode_t mode, dev_t device) {
  struct failure why;
  const struct node_request request = {
      .path = path, .mode = mode, .device = device, .uid = getuid(), .gid = getgid()};

  return node_make(root, &request, &why);
}

static void makes_pipes(int root) {
  struct stat status = {0};

  is_int(make(root, "/run/deep/pipe", S_IFIFO | 0641, 0), 0, "a pipe is made");
  is_int(fstatat(root, "run/deep/pipe", &status, AT_SYMLINK_NOFOLLOW), 0, "with its directories");
  is_int(status.st_mode, S_IFIFO | 0641, "in the mode asked for");
  is_int(make(root, "/run/deep/pipe", S_IFIFO | 0600, 0), 0, "one that is there is taken");
  is_int(fstatat(root, "run/deep/pipe", &status, 0) == 0 ? (long) status.st_mode : 0,
         S_IFIFO | 0641, "as it is");
}

static void stays_inside(int root) {
  (void) symlinkat("../../../../outside", root, "up");
  (void) symlinkat("nowhere", root, "dangling");

  is_int(make(root, "/up/pipe", S_IFIFO | 0600, 0), 0, "a link with .. ends at the root");
  is_int(faccessat(root, "outside/pipe", F_OK, 0), 0, "there it is");
  is_int(make(root, "/dangling", S_IFIFO | 0600, 0), -EEXIST, "no link is followed at the end");
  is_int(make(root, "/run", S_IFIFO | 0600, 0), -EEXIST, "nor is a directory a pipe");
  is_int(make(root, "/run/", S_IFIFO | 0600, 0), -EINVAL, "a name is needed");
  is_int(make(root, "/run/..", S_IFIFO | 0600, 0), -EINVAL, "one of its own");
}

static void expects_what_is_there(int root) {
  struct failure why;
  struct node_request request = {.path = "/run/absent", .mode = S_IFIFO, .is_there = true};

  is_int(node_make(root, &request, &why), -ENOENT, "what has to be there is not made");
  request.path = "/run/deep/pipe";
  is_int(node_make(root, &request, &why), 0, "but found");
}

/* What the kernel does not let us make comes from this machine. */
static void check_devices(int root) {
  struct stat status = {0};
  const int absent = make(root, "/dev/marmita-absent", S_IFCHR | 0600, makedev(1, 3));

  is_int(make(root, "/dev/null", S_IFCHR | 0666, makedev(1, 3)), 0, "a device is made or bound");
  is_int(fstatat(root, "dev/null", &status, 0), 0, "there it is");
  is_int((long) status.st_rdev, (long) makedev(1, 3), "of its numbers");
  is_int(make(root, "/dev/null", S_IFCHR | 0666, makedev(1, 5)), -EEXIST, "not of others");
  autoclose int fd = openat(root, "dev/null", O_WRONLY | O_CLOEXEC);
  is_int(write(fd, "x", 1), 1, "it takes what is written");
  autoclose int left = openat(root, "dev/full", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  is_int(make(root, "/dev/full", S_IFCHR | 0666, makedev(1, 7)), 0, "over what a mount has left");
  is_int(fstatat(root, "dev/full", &status, 0) == 0 && status.st_rdev == makedev(1, 7), 1,
         "there is the machine's");
  autoclose int used = openat(root, "dev/tty", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  is_int(left >= 0 && write(used, "x", 1) == 1, 1, "but of a file");
  is_int(make(root, "/dev/tty", S_IFCHR | 0666, makedev(5, 0)), -EEXIST, "that holds something");
  is_int(absent == 0 || absent == -ENOENT, 1, "one that the machine has not is made or refused");
  if (absent < 0)
    is_int(make(root, "/dev/zero", S_IFCHR | 0666, makedev(1, 3)), -ENODEV,
           "what is bound is what was asked for");
}

static int enter_namespace(void) {
  const uid_t uid = getuid();
  char map[32];
  struct failure why;

  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
    return -1;
  (void) snprintf(map, sizeof map, "%u %u 1\n", uid, uid);
  if (fd_write_file(AT_FDCWD, "/proc/self/uid_map", map, &why) < 0 ||
      fd_write_file(AT_FDCWD, "/proc/self/setgroups", "deny", &why) < 0)
    return -1;
  (void) snprintf(map, sizeof map, "%u %u 1\n", getgid(), getgid());
  return mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL);
}

/* In a process of its own: its namespaces go with it. */
static void has_devices(int root, const char *folder) {
  (void) fflush(stdout);
  const pid_t pid = fork();
  int status = 0;

  if (pid == 0) {
    if (enter_namespace() < 0) {
      printf("ok %d - devices # skip no user namespaces\n", tap_count + 1);
      (void) fflush(stdout);
      _exit(1);
    }
    autoclose int inside = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    check_devices(inside);
    (void) fflush(stdout);
    _exit(tap_failed > 0 ? 255 : tap_count);
  }
  (void) root;
  (void) waitpid(pid, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) == 255)
    tap_failed++;
  tap_count = WIFEXITED(status) && WEXITSTATUS(status) > 1 && WEXITSTATUS(status) < 255
                  ? WEXITSTATUS(status)
                  : tap_count + 1;
}

int main(void) {
  char folder[] = "/tmp/marmita-test-XXXXXX";
  struct failure why;

  if (mkdtemp(folder) == NULL)
    return 1;
  (void) umask(0);
  autoclose int root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  makes_pipes(root);
  stays_inside(root);
  expects_what_is_there(root);
  has_devices(root, folder);
  is_int(tree_remove(AT_FDCWD, folder, &why), 0, "all is deleted again");
  return done_testing();
}
