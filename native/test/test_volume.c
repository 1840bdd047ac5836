/* test_volume.c — trees copied, and volumes filled and let go of. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/copy.h"
#include "../core/plan.h"
#include "../core/tree.h"
#include "../core/volume.h"
#include "tap.h"

static char folder[] = "/tmp/test-volume-XXXXXX";
static int base;

static void put(const char *path, const char *text, mode_t mode) {
  autoclose int fd = openat(base, path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

  if (write(fd, text, strlen(text)) < 0 || fchmod(fd, mode) < 0)
    printf("# cannot write %s\n", path);
}

static struct stat look(const char *path) {
  struct stat status = {0};

  (void) fstatat(base, path, &status, AT_SYMLINK_NOFOLLOW);
  return status;
}

static bool exists(const char *path) {
  return faccessat(base, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void set_time(const char *path, time_t seconds) {
  const struct timespec times[] = {{.tv_sec = seconds}, {.tv_sec = seconds}};

  (void) utimensat(base, path, times, AT_SYMLINK_NOFOLLOW);
}

static void forget(const char *name) {
  struct failure why;

  is_int(tree_remove(base, name, &why), 0, "what the test made is removed");
}

static int copy(const char *from, const char *to) {
  struct failure why = {0};
  autoclose int source = openat(base, from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  autoclose int target = -1;
  autoclose int links = -1;

  mkdirat(base, to, 0700);
  mkdirat(base, "links", 0700);
  target = openat(base, to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  links = openat(base, "links", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const int r = copy_tree(source, target, links, &why);
  if (r < 0)
    printf("# %s\n", why.what);
  forget("links");
  return r;
}

/* By a user who may not give files away. */
static int copy_as_user(const char *from, const char *to) {
  autoclose int source = openat(base, from, O_RDONLY | O_CLOEXEC);
  autoclose int target = openat(base, to, O_WRONLY | O_CLOEXEC);
  int status = -1;
  const pid_t pid = fork();

  if (pid == 0) {
    struct failure why;
    const int r = setresgid(1234, 1234, 1234) < 0 || setresuid(1234, 1234, 1234) < 0;
    _exit(r != 0 || copy_attributes(source, target, &why) < 0);
  }
  (void) waitpid(pid, &status, 0);
  return status;
}

static void runs_as_nobody_else(void) {
  if (geteuid() != 0)
    return;
  put("theirs", "#!", 06755);
  put("ours", "#!", 0600);
  (void) fchownat(base, "ours", 1234, 1234, 0);
  is_int(copy_as_user("theirs", "ours"), 0, "a file whose owner may not be kept is copied");
  is_int(look("ours").st_uid, 1234, "it gets another owner");
  is_int(look("ours").st_mode & 07777, 0755, "as whom it does not run");
  forget("theirs");
  forget("ours");
}

static void make_every_kind(void) {
  mkdirat(base, "all", 0750);
  mkdirat(base, "all/sub", 0711);
  put("all/plain", "plain", 0644);
  put("all/program", "#!", 04755);
  linkat(base, "all/plain", base, "all/sub/hard", 0);
  (void) symlinkat("/nowhere", base, "all/link");
  mkfifoat(base, "all/fifo", 0620);
  fchmodat(base, "all/fifo", 0620, 0);
  set_time("all/link", 4000);
  set_time("all/fifo", 3000);
  set_time("all/plain", 2000);
  set_time("all/sub", 1500);
  set_time("all", 1000);
}

static void every_kind(void) {
  char text[32] = "";

  make_every_kind();
  is_int(copy("all", "copy"), 0, "a tree is copied");
  is_int(look("copy").st_mode & 07777, 0750, "its directory has its mode");
  is_int(look("copy").st_mtim.tv_sec, 1000, "and its time");
  is_int(look("copy/sub").st_mtim.tv_sec, 1500, "as those in it have");
  is_int(look("copy/sub").st_mode & 07777, 0711, "mode and all");
  is_int(look("copy/plain").st_mtim.tv_sec, 2000, "a file has its time");
  is_int(look("copy/program").st_mode & 07777, 04755,
         "a set-user-ID bit outlives the owner's change");
  is_int((long) look("copy/plain").st_ino, (long) look("copy/sub/hard").st_ino,
         "what is linked is linked");
  is_int((long) look("copy/plain").st_nlink, 2, "and to nothing else");
  is_int(look("copy/plain").st_ino != look("all/plain").st_ino, 1, "not to the original");
  is_int(readlinkat(base, "copy/link", text, sizeof text - 1), 8, "a link is a link");
  is_text(text, "/nowhere", "wherever it leads");
  is_int(look("copy/link").st_mtim.tv_sec, 4000, "with its time");
  is_int(look("copy/fifo").st_mode & (S_IFMT | 07777), S_IFIFO | 0620, "a fifo is a fifo");
  is_int(look("copy/fifo").st_mtim.tv_sec, 3000, "with its time");
  forget("all");
  forget("copy");
}

static void holes_and_attributes(void) {
  autoclose int file = -1;
  char value[8] = "";

  mkdirat(base, "odd", 0755);
  file = openat(base, "odd/sparse", O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  const bool has_hole = pwrite(file, "end", 3, 64 << 20) == 3 && ftruncate(file, 80 << 20) == 0;
  const bool has_xattr = fsetxattr(file, "user.test", "value", 5, 0) == 0;
  const bool has_order = fsetxattr(file, "user.overlay.opaque", "y", 1, 0) == 0;

  is_int(copy("odd", "copy"), 0, "a sparse file is copied");
  is_int(has_hole && look("copy/sparse").st_size == 80 << 20, 1, "to its size");
  is_int(look("copy/sparse").st_blocks < 8192, 1, "holes are holes");
  (void) close(steal_fd(&file));
  file = openat(base, "copy/sparse", O_RDONLY | O_CLOEXEC);
  is_int(pread(file, value, 3, 64 << 20), 3, "what is behind them is there");
  is_text(value, "end", "as it was");
  if (has_xattr)
    is_int(fgetxattr(file, "user.test", value, sizeof value), 5, "attributes are kept");
  if (has_order)
    is_int(fgetxattr(file, "user.overlay.opaque", value, sizeof value), -1, "but overlay's own");
  forget("odd");
  forget("copy");
}

/* Deeper than a path may be long, with descriptors for a hundredth of it. */
static void deep_trees(void) {
  struct rlimit before;
  enum { DEPTH = 1500 };
  char name[] = "directory";

  mkdirat(base, "deep", 0700);
  int fd = openat(base, "deep", O_DIRECTORY | O_CLOEXEC);
  for (int i = 0; i < DEPTH; i++) {
    mkdirat(fd, name, 0700);
    const int next = openat(fd, name, O_DIRECTORY | O_CLOEXEC);
    (void) close(fd);
    fd = next;
  }
  (void) close(openat(fd, "bottom", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  (void) close(fd);

  (void) getrlimit(RLIMIT_NOFILE, &before);
  const struct rlimit few = {.rlim_cur = 32, .rlim_max = before.rlim_max};
  (void) setrlimit(RLIMIT_NOFILE, &few);
  is_int(copy("deep", "copy"), 0, "a tree of any depth is copied");
  (void) setrlimit(RLIMIT_NOFILE, &before);
  fd = openat(base, "copy", O_DIRECTORY | O_CLOEXEC);
  for (int i = 0; i < DEPTH; i++) {
    const int next = openat(fd, name, O_DIRECTORY | O_CLOEXEC);
    (void) close(fd);
    fd = next;
  }
  is_int(faccessat(fd, "bottom", F_OK, 0), 0, "down to its bottom");
  (void) close(fd);
  forget("deep");
  forget("copy");
}

static void make_volume(void) {
  mkdirat(base, "volume", 0700);
  mkdirat(base, "volume/_data", 0755);
  mkdirat(base, "volume/users", 0700);
  mkdirat(base, "root", 0755);
  mkdirat(base, "root/data", 0751);
  put("root/data/one", "1", 0644);
  put("root/data/two", "2", 0644);
  put("root/file", "", 0644);
}

static int fill(const char *target, uint64_t flags, const char *done) {
  char volume[sizeof folder + 16];
  struct failure why = {0};
  autoclose int root = openat(base, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);

  (void) snprintf(volume, sizeof volume, "%s/volume", folder);
  const struct filling filling = {
      .directory = volume, .root = root, .target = target, .done = done, .flags = flags};
  return volume_fill(&filling, &why);
}

static void filled_volumes(void) {
  char done[sizeof folder + 8];

  (void) snprintf(done, sizeof done, "%s/done", folder);
  make_volume();
  is_int(fill("/data", 0, ""), 0, "nothing is asked for");
  is_int(exists("volume/_data/one"), 0, "and nothing copied");
  is_int(fill("/nothing", VOLUME_COPY, ""), 0, "nothing is there");
  is_int(fill("/file", VOLUME_COPY, ""), 0, "or a file");
  is_int(fill("/data/../../../data", VOLUME_COPY | VOLUME_DURABLE, done), 0, "a volume is filled");
  is_int(exists("volume/_data/one") && exists("volume/_data/two"), 1, "with all there is");
  is_int(look("volume/_data").st_mode & 07777, 0751, "and the mode of the directory");
  is_int(exists("volume/.filled") || exists("volume/.draft") || exists("volume/.links"), 0,
         "nothing else is left");
  is_int(exists("done"), 1, "it is noted");
  (void) unlinkat(base, "volume/_data/one", 0);
  is_int(fill("/data", VOLUME_COPY, ""), 0, "what has something in it");
  is_int(exists("volume/_data/one"), 0, "is left as it is");
  (void) unlinkat(base, "volume/_data/two", 0);
  is_int(fill("/data", VOLUME_COPY, done), 0, "what was filled for this container");
  is_int(exists("volume/_data/one"), 0, "is not filled again");
  is_int(fill("/data", VOLUME_COPY, ""), 0, "for another one");
  is_int(exists("volume/_data/one"), 1, "it is");
  (void) unlinkat(base, "done", 0);
  forget("volume");
  forget("root");
}

static void interrupted(void) {
  make_volume();
  mkdirat(base, "volume/.draft", 0700);
  put("volume/.draft/half", "", 0600);
  is_int(fill("/data", VOLUME_COPY, ""), 0, "a copy that was broken off");
  is_int(exists("volume/_data/half"), 0, "is not taken for one");
  is_int(exists("volume/_data/two"), 1, "it is made anew");
  mkdirat(base, "volume/.filled", 0700);
  put("volume/.filled/three", "3", 0644);
  put("volume/.filled/two", "other", 0644);
  is_int(fill("/data", 0, ""), 0, "one that was whole");
  is_int(exists("volume/_data/three"), 1, "is brought to its end, whoever comes");
  is_int(look("volume/_data/two").st_size, 1, "and takes nobody's place");
  is_int(exists("volume/.filled"), 0, "then it is over");
  forget("volume");
  forget("root");
}

/* Whatever moment it dies at, the next one finds a volume that is empty, or makes it whole. */
static void killed(void) {
  enum { FILES = 300, ROUNDS = 40 };
  char path[48];
  int whole = 0;

  make_volume();
  for (int i = 0; i < FILES; i++) {
    (void) snprintf(path, sizeof path, "root/data/%d", i);
    put(path, path, 0644);
  }
  for (int round = 0; round < ROUNDS; round++) {
    const struct timespec moment = {.tv_nsec = 250000L * round};
    const pid_t pid = fork();
    if (pid == 0)
      _exit(fill("/data", VOLUME_COPY, "") < 0);
    (void) nanosleep(&moment, NULL);
    (void) kill(pid, SIGKILL);
    (void) waitpid(pid, NULL, 0);
    whole += fill("/data", VOLUME_COPY, "") == 0 && exists("volume/_data/299") &&
             exists("volume/_data/0") && !exists("volume/.draft") && !exists("volume/.filled");
    struct failure why;
    (void) tree_remove(base, "volume/_data", &why);
    mkdirat(base, "volume/_data", 0755);
  }
  is_int(whole, ROUNDS, "a volume is whole whenever who filled it was killed");
  forget("volume");
  forget("root");
}

static void at_once(void) {
  int failed = 0;
  int status;

  make_volume();
  for (int i = 0; i < 8; i++)
    if (fork() == 0)
      _exit(fill("/data", VOLUME_COPY, "") < 0 || !exists("volume/_data/two"));
  while (wait(&status) > 0)
    failed += status != 0;
  is_int(failed, 0, "eight may fill it at once, and all find it full");
  forget("volume");
  forget("root");
}

static void releases(void) {
  char volume[sizeof folder + 16], trash[sizeof folder + 16];
  struct failure why;

  (void) snprintf(volume, sizeof volume, "%s/volume", folder);
  (void) snprintf(trash, sizeof trash, "%s/trash", folder);
  make_volume();
  put("volume/users/a", "", 0600);
  put("volume/users/b", "", 0600);
  is_int(volume_release(volume, "a", trash, &why), 0, "one lets go of a volume");
  is_int(exists("volume/_data"), 1, "which another one has");
  is_int(volume_release(volume, "b", "", &why), 0, "the other one lets go of it");
  is_int(exists("volume/_data"), 1, "which was not to be removed");
  is_int(volume_release(volume, "b", trash, &why), 0, "the last one lets go of it");
  is_int(exists("volume") || exists("trash"), 0, "and it is gone");
  is_int(volume_release(volume, "b", trash, &why), 0, "twice is fine");
  forget("root");
}

int main(void) {
  if (mkdtemp(folder) == NULL)
    return 1;
  base = open(folder, O_DIRECTORY | O_CLOEXEC);
  (void) umask(0);
  every_kind();
  runs_as_nobody_else();
  holes_and_attributes();
  deep_trees();
  filled_volumes();
  interrupted();
  killed();
  at_once();
  releases();
  is_int(rmdir(folder), 0, "nothing is left");
  return done_testing();
}
