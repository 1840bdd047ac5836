/* test_tar_file.c — files as entries of a tar: what is in them, and what is left out. */
#include "../core/tar_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../core/tree.h"
#include "tap.h"

static char folder[] = "/tmp/test-tar-file-XXXXXX";
static struct tar_file file;

static void put(const char *name, const char *text) {
  const int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0640);

  (void) !write(fd, text, strlen(text));
  (void) close(fd);
}

static void settle(const char *name, time_t seconds, long nsec) {
  const struct timespec times[2] = {{seconds, nsec}, {seconds, nsec}};

  (void) utimensat(AT_FDCWD, name, times, AT_SYMLINK_NOFOLLOW);
}

struct look {
  const char *name;
  const char *link;
  int64_t epoch; /* 0: none */
};

/* As it is now, or as `st` says that it was. */
static int take(struct look look, const struct stat *before) {
  struct stat st = {0};
  struct failure why = {0};

  (void) lstat(look.name, &st);
  const struct tar_file_place place = {
      .parent = AT_FDCWD,
      .name = look.name,
      .st = before != NULL ? before : &st,
      .path = strcmp(look.name, ".") == 0 ? "" : look.name,
      .link = look.link,
      .epoch = look.epoch == 0 ? INT64_MAX : look.epoch,
  };
  return tar_file_open(&file, &place, &why);
}

static void test_kinds(void) {
  const mode_t wanted = 0640;

  put("file", "text");
  settle("file", 1000, 5);
  is_int(take((struct look){.name = "file"}, NULL), 1, "a file");
  is_int(file.entry.type == TAR_FILE && file.entry.size == 4, 1, "…with its size");
  is_int(file.entry.mode == wanted && file.entry.mtime == 1000 && file.entry.mtime_nsec == 5, 1,
         "…its mode and its time");
  tar_file_close(&file);

  is_int(take((struct look){.name = "."}, NULL), 1, "the root");
  is_text(file.entry.name, ".", "…by a name");
  tar_file_close(&file);

  is_int(symlink("/nowhere", "link"), 0, "a link is made");
  is_int(take((struct look){.name = "link"}, NULL), 1, "a link");
  is_text(file.entry.link, "/nowhere", "…with where it leads");
  is_int(tar_file_has_target(&file, AT_FDCWD, "link"), 1, "…as another may");
  is_int(tar_file_has_target(&file, AT_FDCWD, "file"), 0, "…but no file does");
  tar_file_close(&file);

  is_int(mkfifo("fifo", 0600), 0, "a fifo is made");
  is_int(take((struct look){.name = "fifo"}, NULL), 1, "a fifo does not wait for anybody");
  is_int(file.entry.type, TAR_FIFO, "…and is one");
  tar_file_close(&file);
}

static void test_epoch(void) {
  settle("file", 1000, 5);
  (void) take((struct look){.name = "file", .epoch = 1000}, NULL);
  is_int(file.entry.mtime == 1000 && file.entry.mtime_nsec == 0, 1, "no time is after the epoch");
  tar_file_close(&file);
  (void) take((struct look){.name = "file", .epoch = 1001}, NULL);
  is_int(file.entry.mtime == 1000 && file.entry.mtime_nsec == 5, 1, "…those before it stay");
  tar_file_close(&file);
}

static void test_left_out(void) {
  const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct stat st;

  is_int(bind(fd, (const struct sockaddr *) &address, sizeof address), 0, "a socket is made");
  is_int(take((struct look){.name = "socket"}, NULL), 0, "a socket is left out");
  (void) close(fd);

  (void) lstat("file", &st);
  is_int(take((struct look){.name = "gone"}, &st), 0, "so is what is gone");
  is_int(take((struct look){.name = "link"}, &st), 0, "…and what has become a link");
  is_int(take((struct look){.name = "."}, &st), 0, "…or a directory");
}

static void test_links(void) {
  struct stat st;

  is_int(link("file", "other"), 0, "a file gets another name");
  is_int(take((struct look){.name = "other", .link = "file"}, NULL), 1, "another name");
  is_int(file.entry.type, TAR_HARD_LINK, "…is a link");
  is_text(file.entry.link, "file", "…to the one before");
  tar_file_close(&file);

  (void) lstat("file", &st);
  is_int(unlink("file"), 0, "the first name is removed while one looks");
  is_int(take((struct look){.name = "file"}, &st), 0, "…and left out");
  is_int(take((struct look){.name = "other", .link = "file"}, NULL), 1, "the other name");
  is_int(file.entry.type == TAR_FILE && file.entry.size == 4, 1, "…is the file then");
  tar_file_close(&file);
}

int main(void) {
  struct failure why = {0};

  (void) umask(0);
  if (mkdtemp(folder) == NULL || chdir(folder) < 0)
    return 1;
  test_kinds();
  test_epoch();
  test_left_out();
  test_links();
  tar_file_end(&file);
  (void) chdir("/");
  is_int(tree_remove(AT_FDCWD, folder, &why), 0, "the folder is removed");
  return done_testing();
}
