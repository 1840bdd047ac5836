/* test_untar.c — tars into directories that are there, and files into tars. */
#include "../core/untar.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/inside.h"
#include "../core/tar_tree.h"
#include "../core/tar_write.h"
#include "../core/tree.h"
#include "tap.h"

static char folder[] = "/tmp/test-untar-XXXXXX";

/* A tar in memory: first written, then read. */
static struct {
  unsigned char bytes[1 << 20];
  size_t used;
  size_t taken;
} memory;

static int put(void *context, const void *bytes, size_t size, struct failure *why) {
  (void) context;
  if (memory.used + size > sizeof memory.bytes)
    return fail(why, ENOSPC, "write");
  memcpy(memory.bytes + memory.used, bytes, size);
  memory.used += size;
  return 0;
}

static int64_t copy(void *context, int fd, int64_t size, struct failure *why) {
  char bytes[4096];
  const size_t most = size < (int64_t) sizeof bytes ? (size_t) size : sizeof bytes;
  const ssize_t n = read(fd, bytes, most);

  return n <= 0 ? n : put(context, bytes, (size_t) n, why) < 0 ? -1 : n;
}

static int next(void *context, const unsigned char **ret_bytes, struct failure *why) {
  const size_t left = memory.used - memory.taken;
  const size_t n = left < 700 ? left : 700;

  (void) context;
  (void) why;
  *ret_bytes = memory.bytes + memory.taken;
  memory.taken += n;
  return (int) n;
}

static struct tar_writer *writer;

static void begin(void) {
  struct failure why;

  memory.used = memory.taken = 0;
  (void) tar_write_open((struct tar_sink){.put = put, .copy = copy}, &writer, &why);
}

static void add(struct tar_entry entry) {
  struct failure why;
  const char *text = entry.type == TAR_FILE ? entry.link : NULL;

  if (text != NULL) {
    entry.size = (int64_t) strlen(text);
    entry.link = "";
  } else if (entry.link == NULL) {
    entry.link = "";
  }
  if (entry.mtime == 0)
    entry.mtime = 1000;
  (void) tar_write_entry(writer, &entry, &why);
  if (text != NULL)
    (void) tar_write_contents(writer, text, strlen(text), &why);
  (void) tar_write_fill(writer, &why);
}

/* `link` is the contents of files. */
static void file(const char *name, const char *text) {
  add((struct tar_entry){.type = TAR_FILE, .name = name, .link = text, .mode = 0640});
}

static void directory(const char *name) {
  add((struct tar_entry){.type = TAR_DIRECTORY, .name = name, .mode = 0750});
}

static struct untar_summary summary;

static int unpack_with(struct untar_options options) {
  struct failure why = {0};
  struct tar *tar = NULL;

  (void) tar_write_finish(writer, &why);
  tar_write_close(writer);
  options.root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  (void) tar_open((struct tar_source){next, NULL}, &tar, &why);
  const int r = untar(tar, &options, &summary, &why);
  tar_close(tar);
  (void) close(options.root);
  if (r < 0)
    printf("# %s: %s\n", why.what, strerror(why.errnum));
  return r;
}

static const char *at(const char *path) {
  static char text[512];

  (void) snprintf(text, sizeof text, "%s/%s", folder, path);
  return text;
}

static int unpack(const char *target) {
  return unpack_with((struct untar_options){.target = at(target)});
}

static int unpack_stream(const char *target, bool is_inside) {
  return unpack_with(
      (struct untar_options){.target = at(target), .is_stream = true, .is_inside = is_inside});
}

static const char *text_of(const char *path) {
  static char text[64];
  autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
  const ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

  text[n < 0 ? 0 : n] = '\0';
  return fd < 0 ? "(none)" : text;
}

static int mode_of(const char *path) {
  struct stat st;

  return lstat(path, &st) < 0 ? -1 : (int) (st.st_mode & 07777);
}

static int count_in(const char *path) {
  DIR *stream = opendir(path);
  int count = -2;

  while (stream != NULL && readdir(stream) != NULL)
    count++;
  (void) closedir(stream);
  return count;
}

static void write_text(const char *path, const char *text) {
  autoclose int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

  (void) !write(fd, text, strlen(text));
}

static void start(void) {
  struct failure why;

  if (chdir("/") == 0)
    (void) tree_remove(AT_FDCWD, folder, &why);
  if (mkdir(folder, 0700) < 0 || chdir(folder) < 0)
    abort();
}

static void follows_dockers_rules(void) {
  start();
  begin(), file("f", "1");
  is_int(unpack("new"), 0, "a file over nothing");
  is_text(text_of("new"), "1", "…becomes that file");
  is_int(mode_of("new"), 0640, "…with its mode");
  begin(), file("f", "2");
  is_int(unpack("new"), 0, "a file over a file");
  is_text(text_of("new"), "2", "…replaces it");
  begin(), file("f", "2");
  is_int(unpack("nowhere/"), -ENOENT, "a file is no directory that is not there");
  begin(), file("f", "2");
  is_int(unpack("no/where"), -ENOENT, "the directory above must be there");
  begin(), file("f", "2");
  is_int(unpack("new/"), -ENOTDIR, "a file is no directory");

  (void) mkdir("d", 0700);
  begin(), file("f", "3");
  is_int(unpack("d"), 0, "a file into a directory");
  is_text(text_of("d/f"), "3", "…by its own name");
  begin(), directory("s"), directory("s/deep"), file("s/deep/f", "4");
  is_int(unpack("d"), 0, "a directory into a directory");
  is_text(text_of("d/s/deep/f"), "4", "…by its own name");
  begin(), directory("s"), file("s/f", "5");
  is_int(unpack("copy"), 0, "a directory over nothing");
  is_text(text_of("copy/f"), "5", "…becomes that directory");
  is_int(mode_of("copy"), 0750, "…with its mode");
  begin(), directory("s"), file("s/f", "5");
  is_int(unpack("new"), -ENOTDIR, "a directory does not replace a file");
  begin(), directory("./"), file("f", "6");
  is_int(unpack("d"), 0, "what is in a directory into a directory");
  is_text(text_of("d/f"), "6", "…without a name of its own");
  is_int(mode_of("d"), 0700, "…leaves the mode of that one");
  begin(), directory("./"), file("f", "7");
  is_int(unpack("fresh/"), 0, "what is in a directory over nothing");
  is_text(text_of("fresh/f"), "7", "…becomes that directory");
  begin();
  is_int(unpack("d"), -EBADMSG, "nothing is nothing");
  begin(), file("f", "8"), file("other", "8");
  is_int(unpack("new"), -EBADMSG, "nothing comes beside what is copied");
}

static void follows_links_at_the_target(void) {
  start();
  (void) mkdir("d", 0700);
  (void) symlink("d", "to-d");
  (void) symlink("d/f", "to-f");
  begin(), file("f", "1");
  is_int(unpack("to-d"), 0, "a link to a directory");
  is_text(text_of("d/f"), "1", "…is that directory");
  begin(), file("x", "2");
  is_int(unpack("to-f"), 0, "a link to a file");
  is_text(text_of("d/f"), "2", "…is that file");
  (void) symlink("d/g", "dangling");
  begin(), file("x", "3");
  is_int(unpack("dangling"), 0, "a link to nothing yet");
  is_text(text_of("d/g"), "3", "…is where that would be");
  (void) symlink("loop", "loop");
  begin(), file("x", "3");
  is_int(unpack("loop"), -ELOOP, "a link to itself leads nowhere");
}

static void takes_streams(void) {
  start();
  (void) mkdir("d", 0700);
  begin(), file("a/b/c", "1"), directory("e/");
  is_int(unpack_stream("d", false), 0, "a stream into a directory");
  is_text(text_of("d/a/b/c"), "1", "…with directories that it did not tell of");
  is_int(mode_of("d/a"), 0755, "…which all may enter");
  begin();
  is_int(unpack_stream("d", false), 0, "an empty stream is one");
  begin();
  is_int(unpack_stream("none", false), -ENOENT, "the directory must be there");
  begin(), file("../up", "1");
  is_int(unpack_stream("d", true), -EBADMSG, "no name leads above it");
  begin(), file("/abs", "1");
  is_int(unpack_stream("d", true), 0, "the root of names is the directory");
  is_text(text_of("d/abs"), "1", "…wherever that is");
}

static void replaces(void) {
  start();
  write_text("one", "old");
  (void) link("one", "other");
  (void) symlink("one", "to-one");
  begin(), file("one", "new"), file("to-one", "own");
  is_int(unpack_stream(".", true), 0, "what is there is replaced");
  is_text(text_of("one"), "new", "…by what comes");
  is_text(text_of("other"), "old", "…and not written into");
  is_text(text_of("to-one"), "own", "…nor through a link");
  is_int(count_in("."), 3, "…and nothing is left beside it");
  (void) mkdir("d", 0711);
  begin(), file("d", "x");
  is_int(unpack_stream(".", true), -EISDIR, "a directory is not replaced by a file");
  begin(), directory("one");
  is_int(unpack_stream(".", true), -ENOTDIR, "nor a file by a directory");
  begin(), directory("d"), file("d/x", "x");
  is_int(unpack_stream(".", true), 0, "directories are merged");
  is_int(mode_of("d"), 0711, "…and stay as they are");
  (void) symlink("d", "to-d");
  begin(), directory("to-d"), file("to-d/y", "y");
  is_int(unpack_stream(".", true), -ENOTDIR, "a link to one is none");
}

static void looks_at_links_on_the_way(void) {
  start();
  (void) mkdir("out", 0700);
  (void) mkdir("d", 0700);
  (void) symlink("../out", "d/l");
  begin(), file("l/f", "1");
  is_int(unpack_stream("d", false), -ENOTDIR, "a link on the way is not followed");
  begin(), file("l/f", "1");
  is_int(unpack_stream("d", true), 0, "…but inside of a container");
  is_text(text_of("out/f"), "1", "…where it leads");
  begin(), add((struct tar_entry){.type = TAR_SYMLINK, .name = "s", .link = "../out"}),
      file("s/g", "1");
  is_int(unpack_stream("d", false), -ENOTDIR, "nor one that came with the tar");
  is_text(text_of("out/g"), "(none)", "…and nothing is where it leads");
}

static void makes_all_kinds(void) {
  struct stat one, other;

  start();
  begin(), directory("s"), file("s/f", "text");
  add((struct tar_entry){.type = TAR_HARD_LINK, .name = "s/hard", .link = "s/f"});
  add((struct tar_entry){.type = TAR_SYMLINK, .name = "s/link", .link = "/nowhere"});
  add((struct tar_entry){.type = TAR_FIFO, .name = "s/fifo", .mode = 0600});
  add((struct tar_entry){.type = TAR_CHARACTER, .name = "s/null", .device_major = 1});
  is_int(unpack("new"), 0, "files of all kinds");
  is_int(lstat("new/f", &one) == 0 && lstat("new/hard", &other) == 0 && one.st_ino == other.st_ino,
         1, "…hard links under the new name");
  is_int(lstat("new/link", &one) == 0 && S_ISLNK(one.st_mode) && one.st_mtime == 1000, 1,
         "…links with their times");
  is_int(lstat("new/fifo", &one) == 0 && S_ISFIFO(one.st_mode), 1, "…fifos");
  is_int(summary.devices, 1, "…devices are counted");
  is_int(count_in("new"), 4, "…and left out");
  begin(), directory("s"), file("s/f", "again");
  add((struct tar_entry){.type = TAR_HARD_LINK, .name = "s/hard", .link = "s/f"});
  (void) rename("new", "s");
  is_int(unpack("."), 0, "once more");
  is_text(text_of("s/hard"), "again", "…the link is that of the new file");
  is_int(count_in("s"), 4, "…and nothing is left beside it");
  begin(), add((struct tar_entry){.type = TAR_HARD_LINK, .name = "x", .link = "../../etc/passwd"});
  is_int(unpack_stream("s", true), -EBADMSG, "a hard link does not lead out");
  begin(), add((struct tar_entry){.type = TAR_HARD_LINK, .name = "x", .link = "none"});
  is_int(unpack_stream("s", true), -ENOENT, "nor to nothing");
}

static void keeps_what_it_may(void) {
  struct tar_xattr xattrs[] = {{"user.mine", "1", 1}, {"user.overlay.opaque", "y", 1}};
  struct tar_entry entry = {.type = TAR_FILE, .name = "f", .link = "", .mode = 06755};
  struct stat st;

  start();
  entry.xattrs = xattrs;
  entry.xattr_count = 2;
  entry.uid = getuid();
  entry.gid = getgid();
  begin(), add(entry);
  is_int(unpack("."), 0, "a program with set-id bits");
  is_int(mode_of("f"), 0755, "…has none for whoever it is not of");
  is_int((int) getxattr("f", "user.overlay.opaque", NULL, 0), -1, "…nor what speaks to overlays");
  begin(), add(entry);
  is_int(unpack_with((struct untar_options){.target = at("."), .is_inside = true}), 0, "inside");
  is_int(mode_of("f"), 06755, "…it has them");
  begin(), add(entry);
  is_int(unpack_with((struct untar_options){.target = at("."), .keeps_owners = true}), 0,
         "with its owner");
  is_int(mode_of("f"), 06755, "…it has them too");
  is_int(summary.unowned, 0, "…for it could be given");
  entry.uid = entry.gid = (int64_t) 1 << 40;
  begin(), add(entry);
  is_int(unpack_with((struct untar_options){.target = at("."), .keeps_owners = true}), 0,
         "with an owner that nobody can be");
  is_int(summary.unowned, 1, "…that is counted");
  is_int(mode_of("f"), 0755, "…and it has no set-id bits");

  begin(), add((struct tar_entry){.type = TAR_DIRECTORY, .name = "d", .mode = 0500});
  file("d/f", "1");
  is_int(unpack("."), 0, "into a directory that may not be written to");
  is_int(mode_of("d"), 0500, "…as it is in the end");
  is_int(stat("d", &st) == 0 && st.st_mtime == 1000, 1, "…with its time");
  (void) chmod("d", 0700);
}

static void leaves_no_halves(void) {
  start();
  write_text("f", "old");
  begin(), file("f", "new contents"), file("g", "more");
  (void) tar_write_finish(writer, &(struct failure){0});
  memory.used = 512 + 4; /* in the middle of the first file */
  struct failure why = {0};
  struct tar *tar = NULL;
  const struct untar_options options = {
      .root = open("/", O_PATH | O_CLOEXEC), .target = folder, .is_stream = true};
  (void) tar_open((struct tar_source){next, NULL}, &tar, &why);
  is_int(untar(tar, &options, &summary, &why) < 0, 1, "a tar that is cut off");
  tar_close(tar);
  tar_write_close(writer);
  (void) close(options.root);
  is_text(text_of("f"), "old", "…leaves what was there");
  is_int(count_in("."), 1, "…and nothing beside it");
}

static int pack(const char *name, const char *as) {
  struct tar_tree_summary packed;
  struct failure why = {0};
  autoclose int parent = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  const struct tar_tree tree = {.parent = parent, .name = name, .as = as};

  begin();
  return tar_tree_write(&tree, writer, &packed, &why);
}

static void takes_trees_back(void) {
  struct stat one, other;

  start();
  (void) mkdir("s", 0700);
  (void) mkdir("s/deep", 0751);
  (void) mkdir("s/deep/er", 0700);
  (void) mkdir("d", 0700);
  write_text("s/deep/er/f", "text");
  (void) link("s/deep/er/f", "s/a");
  (void) symlink("deep", "s/link");
  is_int(pack("s", "s"), 0, "a tree into a tar");
  is_int(unpack("d"), 0, "…and out of it");
  is_text(text_of("d/s/deep/er/f"), "text", "…with what is in it");
  is_int(mode_of("d/s/deep"), 0751, "…and its modes");
  is_int(lstat("d/s/a", &one) == 0 && lstat("d/s/deep/er/f", &other) == 0 &&
             one.st_ino == other.st_ino,
         1, "…and its hard links");
  is_int(pack("s", ""), 0, "what is in it, alone");
  is_int(unpack("new"), 0, "…and out of it");
  is_text(text_of("new/a"), "text", "…without its name");
  is_int(pack("s/link", "link"), 0, "a link");
  is_int(unpack("d"), 0, "…and out of it");
  is_int(lstat("d/link", &one) == 0 && S_ISLNK(one.st_mode), 1, "…is a link");
  is_int(pack("none", "none"), -ENOENT, "nothing is no tree");
  tar_write_close(writer);
}

static void finds_last_names(void) {
  struct inside_place place;
  struct failure why;
  autoclose int root = -1;

  start();
  (void) mkdir("d", 0700);
  (void) symlink("/d/", "to-d");
  write_text("d/f", "");
  root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  is_int(inside_find(root, "/to-d", false, &place, &why), 0, "a link");
  is_int(S_ISLNK(place.st.st_mode), 1, "…is a link");
  (void) close(place.parent);
  is_int(inside_find(root, "/to-d/", false, &place, &why), 0, "a link with a slash");
  is_int(S_ISDIR(place.st.st_mode), 1, "…is what it leads to");
  (void) close(place.parent);
  is_int(inside_find(root, "/to-d/../../../d/f", false, &place, &why), 0, "the way back up");
  is_text(place.name, "f", "…ends at the root");
  (void) close(place.parent);
  is_int(inside_find(root, "/", false, &place, &why), 0, "the root");
  is_text(place.name, ".", "…is its own name");
  (void) close(place.parent);
  is_int(inside_find(root, "/d/f/", false, &place, &why), -ENOTDIR, "a file is no directory");
  is_int(inside_find(root, "/d/f/x", false, &place, &why), -ENOTDIR, "nor is anything in it");
  is_int(inside_find(root, "/d/none", false, &place, &why), 0, "what is not there");
  is_int(place.exists, 0, "…is not there");
  (void) close(place.parent);
}

int main(void) {
  struct failure why;

  if (mkdtemp(folder) == NULL)
    return 1;
  follows_dockers_rules();
  follows_links_at_the_target();
  takes_streams();
  replaces();
  looks_at_links_on_the_way();
  makes_all_kinds();
  keeps_what_it_may();
  leaves_no_halves();
  takes_trees_back();
  finds_last_names();
  (void) chdir("/");
  (void) tree_remove(AT_FDCWD, folder, &why);
  return done_testing();
}
