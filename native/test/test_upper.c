/* test_upper.c — writable layers of both kinds, over layers that lie in each other's way. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../core/tree.h"
#include "../core/upper.h"
#include "tap.h"

static char folder[] = "/tmp/test-upper-XXXXXX";
static int base;
static char layers[][8] = {"upper", "l0", "l1", "none"};
static char told[1 << 20];

static void put(const char *name, const char *text) {
  const int fd = openat(base, name, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);

  (void) !write(fd, text, strlen(text));
  close(fd);
}

static void make(const char *name) {
  (void) mkdirat(base, name, 0755);
}

static void white(const char *name) {
  is_int(mknodat(base, name, S_IFCHR, 0), 0, "a whiteout is made");
}

static void mark(const char *name, const char *attribute) {
  const int fd = openat(base, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  is_int(fsetxattr(fd, attribute, "y", 1, 0), 0, "a directory is marked");
  close(fd);
}

static void settle(const char *name) {
  const struct timespec times[2] = {{1, 0}, {1, 0}};

  (void) utimensat(base, name, times, AT_SYMLINK_NOFOLLOW);
}

static void add(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void add(const char *format, ...) {
  const size_t used = strlen(told);
  va_list args;

  va_start(args, format);
  (void) vsnprintf(told + used, sizeof told - used, format, args);
  va_end(args);
}

static void tell(struct upper *upper, const struct upper_entry *entry) {
  struct failure why = {0};

  if (entry->path[0] == '\0')
    return;
  if (entry->kind == UPPER_ENTRY) {
    add("%s%s", entry->path, S_ISDIR(entry->st.st_mode) ? "/" : "");
    if (entry->is_below)
      add("%s", upper_differs(upper, &why) == 1 ? " changed" : " same");
    if (entry->link != NULL)
      add(" = %s", entry->link);
  } else {
    add("%s %s", entry->path, entry->kind == UPPER_WHITEOUT ? "gone" : "opaque");
  }
  add("; ");
}

static int walk(struct upper_places places) {
  char *lowers[] = {layers[1], layers[2], NULL};
  struct upper *upper = NULL;
  const struct upper_entry *entry = NULL;
  struct failure why = {0};

  told[0] = '\0';
  places.upper = "upper";
  places.lowers = lowers;
  int r = upper_open(&places, &upper, &why);
  if (r < 0)
    return r;
  while ((r = upper_next(upper, &entry, &why)) > 0)
    tell(upper, entry);
  upper_close(upper);
  return r;
}

static void are_told(struct upper_places places, const char *wanted, const char *name) {
  is_int(walk(places), 0, name);
  is_text(told, wanted, name);
}

static void begin(void) {
  struct failure why = {0};

  for (size_t i = 0; i < 3; i++) {
    (void) tree_remove(base, layers[i], &why);
    make(layers[i]);
  }
}

static const struct upper_places kernel = {.form = UPPER_KERNEL};
static const struct upper_places fuse = {.form = UPPER_FUSE};

static void entries(void) {
  begin();
  are_told(kernel, "", "an empty layer tells nothing");
  make("upper/b");
  put("upper/b/file", "");
  put("upper/b-", "");
  put("upper/a", "");
  is_int(linkat(base, "upper/a", base, "upper/b/a", 0), 0, "a file gets a second name");
  is_int(symlinkat("/etc", base, "upper/c"), 0, "a link is made");
  are_told(kernel, "a; b/; b/a = a; b/file; b-; c; ",
           "a directory comes before what is in it, and that before the next name");
}

static void below(void) {
  begin();
  make("l1/d");
  put("l1/d/same", "text");
  put("l1/d/written", "text");
  put("l1/d/secret", "text");
  put("l0/d0", "");
  make("upper/d");
  put("upper/d/same", "text");
  put("upper/d/written", "longer");
  put("upper/d/secret", "tExt");
  put("upper/d/new", "");
  put("upper/d0", "");
  const char *const all[] = {"same", "written", "secret"};
  for (size_t i = 0; i < 3; i++) {
    char name[64];
    snprintf(name, sizeof name, "l1/d/%s", all[i]);
    settle(name);
    snprintf(name, sizeof name, "upper/d/%s", all[i]);
    settle(name);
  }
  settle("l0/d0");
  are_told(kernel, "d/ same; d/new; d/same same; d/secret changed; d/written changed; d0 changed; ",
           "what is below is found in any layer, and compared byte for byte");
  settle("upper/d0");
  is_int(fchmodat(base, "upper/d0", 0600, 0), 0, "a mode is changed");
  is_int(setxattr("upper/d", "user.mine", "1", 1, 0), 0, "an attribute is set");
  is_int(setxattr("upper/d", "user.overlay.origin", "1", 1, 0), 0, "one of overlay's too");
  are_told(kernel,
           "d/ changed; d/new; d/same same; d/secret changed; d/written changed; "
           "d0 changed; ",
           "a mode and an attribute are changes");
}

static void hidden_below(void) {
  begin();
  make("l1/opaque");
  put("l1/opaque/old", "");
  make("l0/opaque");
  mark("l0/opaque", "user.overlay.opaque");
  put("l1/gone", "");
  white("l0/gone");
  make("l1/file");
  put("l1/file/inner", "");
  put("l0/file", "");
  make("upper/opaque");
  put("upper/opaque/old", "");
  put("upper/gone", "");
  make("upper/file");
  put("upper/file/inner", "");
  are_told(kernel, "file/ changed; file/inner; gone; opaque/ same; opaque/old; ",
           "what a lower layer hides is not below");
}

static void whiteouts(void) {
  begin();
  put("l1/a", "");
  make("l1/d");
  put("l1/d/b", "");
  make("upper/d");
  white("upper/a");
  white("upper/d/b");
  white("upper/nothing");
  make("upper/new");
  white("upper/new/b");
  are_told(kernel, "a gone; d/ same; d/b gone; new/; ", "a whiteout of nothing is not told");

  begin();
  put("l1/a", "");
  make("l1/d");
  put("l1/d/b", "");
  put("l1/.wh.odd", "");
  make("upper/d");
  put("upper/.wh.a", "");
  put("upper/d/.wh.b", "");
  put("upper/d/a", "");
  put("upper/.wh..wh.plnk", "");
  put("upper/.wh.", "");
  are_told(fuse, "a gone; d/ same; d/a; d/b gone; ", "fuse-overlayfs says it by names");
  put("upper/d/.wh.a", "");
  are_told(fuse, "a gone; d/ same; d/b gone; ", "…which count more than what they hide");
  are_told(kernel, ".wh.; .wh..wh.plnk; .wh.a; d/ same; d/.wh.a; d/.wh.b; d/a; ",
           "to the kernel's overlay they are names as others");
}

static void opaque_in(struct upper_places places, const char *attribute) {
  begin();
  make("l1/d");
  put("l1/d/kept", "1");
  put("l1/d/lost", "");
  make("l1/d/none");
  put("l1/d/none/inner", "");
  make("l1/d/sub");
  put("l1/d/sub/inner", "");
  make("l0/d");
  put("l0/d/also", "");
  white("l0/d/hidden");
  put("l1/d/hidden", "");
  make("upper/d");
  put("upper/d/kept", "2");
  put("upper/d/new", "");
  make("upper/d/sub");
  make("upper/n");
  if (attribute == NULL) {
    put("upper/d/.wh..wh..opq", "");
    put("upper/n/.wh..wh..opq", "");
  } else {
    mark("upper/d", attribute);
    mark("upper/n", attribute);
  }
  are_told(places, "d/ same; d opaque; d/kept; d/new; d/sub/; n/; ",
           "an opaque directory hides what is below, where something is");
  places.spells_out = true;
  are_told(places,
           "d/ same; d/also gone; d/kept changed; d/lost gone; d/new; d/none gone; d/sub/ same; "
           "d/sub/inner gone; n/; ",
           "…or each name that is gone is told");
}

static void mount_points(void) {
  char points[][16] = {"/etc/hosts", "/mnt/a/b", "/etc/deep/er"};
  char *skip[] = {points[0], points[1], points[2], NULL};
  struct upper_places places = {.form = UPPER_KERNEL, .skip = skip};

  begin();
  make("l1/etc");
  make("upper/etc");
  make("upper/mnt");
  make("upper/mnt/a");
  make("upper/mnt/a/b");
  put("upper/mnt/a/b/odd", "");
  make("upper/etc/deep");
  make("upper/etc/deep/er");
  put("upper/etc/hosts", "");
  are_told(places, "", "mount points and the directories made for them are left out");
  put("upper/mnt/a/mine", "");
  put("upper/mnt/a/other", "");
  are_told(places, "mnt/; mnt/a/; mnt/a/mine; mnt/a/other; ", "…unless something else is there");
  put("upper/etc/deep/file", "");
  (void) fchmodat(base, "upper/mnt", 0700, 0);
  are_told(places, "etc/ same; etc/deep/; etc/deep/file; mnt/; mnt/a/; mnt/a/mine; mnt/a/other; ",
           "…in either way");
  begin();
  make("l1/etc");
  put("l1/etc/old", "");
  make("upper/etc");
  mark("upper/etc", "user.overlay.opaque");
  put("upper/etc/hosts", "");
  are_told(places, "etc/ same; etc opaque; ", "a directory that was made anew is told");
}

static void mount_points_behind_links(void) {
  char points[][16] = {"/var/run/socket", "/ring/x", "/up/b/../../c"};
  char *skip[] = {points[0], points[1], points[2], NULL};
  struct upper_places places = {.form = UPPER_KERNEL, .skip = skip};

  begin();
  make("l1/var");
  (void) symlinkat("/run", base, "l1/var/run");
  (void) symlinkat("ring", base, "l1/ring");
  make("upper/run");
  put("upper/run/socket", "");
  (void) symlinkat("../etc", base, "upper/up");
  put("upper/c", "");
  are_told(places, "up; ", "mount points are left out where links lead");
}

static void deep(void) {
  char name[PATH_MAX] = "upper";
  size_t levels = 0;

  begin();
  for (; levels < 300; levels++) {
    strcat(name, "/d");
    make(name);
    char file[PATH_MAX + 8];
    snprintf(file, sizeof file, "%s/z", name);
    put(file, "");
  }
  is_int(walk(kernel), 0, "a deep tree is read");
  size_t files = 0;
  for (const char *at = told; (at = strstr(at, "/z; ")) != NULL; at++)
    files++;
  is_int((long) files, (long) levels, "…with all that is on the way back");
}

static void too_deep(void) {
  char name[256];
  int fd = -1;

  begin();
  memset(name, 'n', 250);
  name[250] = '\0';
  fd = openat(base, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (int i = 0; i < 18; i++) {
    (void) mkdirat(fd, name, 0755);
    const int inner = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    close(fd);
    fd = inner;
  }
  close(fd);
  is_int(walk(kernel), -ENAMETOOLONG, "a path that no system call takes is refused");
}

static void absent(void) {
  struct upper_places places = {.upper = "none", .lowers = (char *[]){NULL}};
  struct upper *upper = NULL;
  struct failure why = {0};

  is_int(upper_open(&places, &upper, &why), -ENOENT, "no layer is ENOENT");
  places = (struct upper_places){.upper = "upper", .lowers = (char *[]){layers[3], NULL}};
  is_int(upper_open(&places, &upper, &why), -ENOENT, "so is one without what is below");
}

int main(void) {
  struct failure why = {0};

  (void) umask(022);
  (void) mkdtemp(folder);
  (void) chdir(folder);
  base = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  entries();
  below();
  hidden_below();
  whiteouts();
  opaque_in(kernel, "user.overlay.opaque");
  opaque_in(fuse, "user.overlay.opaque");
  opaque_in(fuse, "user.fuseoverlayfs.opaque");
  opaque_in(fuse, NULL);
  mount_points();
  mount_points_behind_links();
  deep();
  too_deep();
  absent();
  (void) chdir("/");
  (void) tree_remove(AT_FDCWD, folder, &why);
  return done_testing();
}
