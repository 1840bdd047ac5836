#include "enter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/fd.h"
#include "../core/sync.h"
#include "../core/syscalls.h"
#include "../core/userns.h"
#include "birth.h"
#include "id_maps.h"

#define NSFS_MAGIC 0x6e736673

/* One of each kind. */
enum { MOST = 8 };

struct entry {
  int flag; /* CLONE_NEW… */
  int fd;
  bool is_done;
  const char *path;
  const char *words; /* what to call it */
};

struct entrance {
  const struct child_start *start;
  int conversation; /* the starter's end of that with the child */
  int ours, theirs; /* of that between starter and go-between */
  size_t count;
  struct entry entries[MOST];
};

bool enter_is_asked(const struct plan *plan) {
  return plan_find(plan, PLAN_ENTER) != NULL || plan_find(plan, PLAN_TIME_OFFSETS) != NULL;
}

/* What is no namespace is not asked what kind it is: to a device that could mean something else. */
static int check(const struct entry *entry, struct failure *why) {
  struct statfs filesystem;

  if (fstatfs(entry->fd, &filesystem) < 0)
    return fail(why, errno, "%s: look at %s", entry->words, entry->path);
  if (filesystem.f_type != NSFS_MAGIC || ioctl(entry->fd, NS_GET_NSTYPE) != entry->flag)
    return fail(why, EINVAL, "%s: %s is no such namespace", entry->words, entry->path);
  return 0;
}

/* There is nothing to do then, nor would it be allowed. */
static bool is_own(const struct entry *entry) {
  static const char *const kinds[] = {"user", "mnt", "cgroup", "uts", "ipc", "net", "pid", "time"};
  struct stat theirs, own;
  char path[40];

  if (fstat(entry->fd, &theirs) < 0)
    return false;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    (void) snprintf(path, sizeof path, "/proc/self/ns/%s", kinds[i]);
    if (stat(path, &own) == 0 && own.st_ino == theirs.st_ino && own.st_dev == theirs.st_dev)
      return true;
  }
  return false;
}

static bool begins_with(const char *text, const char *beginning) {
  return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* Of whose namespace it changes a setting: a CLONE_NEW…, or 0. */
static int changes(const struct operation *operation) {
  const char *text = operation->arguments[0].text;

  if (operation->code == PLAN_HOSTNAME || operation->code == PLAN_DOMAINNAME)
    return CLONE_NEWUTS;
  if (operation->code != PLAN_FILE)
    return 0;
  if (begins_with(text, "/proc/sys/net/"))
    return CLONE_NEWNET;
  if (begins_with(text, "/proc/sys/kernel/") || begins_with(text, "/proc/sys/fs/mqueue/"))
    return CLONE_NEWIPC;
  return 0;
}

/* What would be changed is the runtime's own, by name the machine's: as if there were none. */
static int refuse_changes(const struct plan *plan, const struct entry *own, struct failure *why) {
  for (size_t i = 0; i < plan->count; i++) {
    const struct operation *operation = &plan->operations[i];
    if (changes(operation) == own->flag)
      return fail(why, EPERM, "%s: %s is where the runtime is, and %s %s would change it",
                  own->words, own->path, plan_name(operation->code), operation->arguments[0].text);
  }
  return 0;
}

/* A pipe in the place of one is not waited for. */
static int open_entry(struct entrance *entrance, const union argument *arguments,
                      struct failure *why) {
  if (entrance->count == MOST)
    return fail(why, E2BIG, "enter more than %d namespaces", MOST);
  struct entry *entry = &entrance->entries[entrance->count++];
  *entry = (struct entry){
      .flag = (int) arguments[0].number,
      .fd = open(arguments[1].text, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC),
      .path = arguments[1].text,
      .words = arguments[2].text,
  };
  if (entry->fd < 0)
    return fail(why, errno, "%s: open %s", entry->words, entry->path);
  entry->is_done = is_own(entry);
  if (check(entry, why) < 0)
    return -why->errnum;
  /* Our own root would be moved away, from all who are here. */
  if (entry->is_done && entry->flag == CLONE_NEWNS)
    return fail(why, EPERM, "%s: %s is where the runtime is", entry->words, entry->path);
  return entry->is_done ? refuse_changes(entrance->start->plan, entry, why) : 0;
}

static int open_entries(struct entrance *entrance, struct failure *why) {
  const struct plan *plan = entrance->start->plan;

  for (size_t i = 0; i < plan->count; i++)
    if (plan->operations[i].code == PLAN_ENTER &&
        open_entry(entrance, plan->operations[i].arguments, why) < 0)
      return -why->errnum;
  return 0;
}

static struct entry *find(struct entrance *entrance, int flag) {
  for (size_t i = 0; i < entrance->count; i++)
    if (entrance->entries[i].flag == flag)
      return &entrance->entries[i];
  return NULL;
}

static int enter_one(struct entry *entry, struct failure *why) {
  if (setns(entry->fd, entry->flag) < 0)
    return fail(why, errno, "%s: enter %s", entry->words, entry->path);
  entry->is_done = true;
  return 0;
}

static void try_all_but_user(struct entrance *entrance) {
  struct failure ignored;

  for (size_t i = 0; i < entrance->count; i++)
    if (!entrance->entries[i].is_done && entrance->entries[i].flag != CLONE_NEWUSER)
      (void) enter_one(&entrance->entries[i], &ignored);
}

static int enter_rest(struct entrance *entrance, struct failure *why) {
  for (size_t i = 0; i < entrance->count; i++)
    if (!entrance->entries[i].is_done && enter_one(&entrance->entries[i], why) < 0)
      return -why->errnum;
  return 0;
}

static int hide(struct failure *why) {
  return prctl(PR_SET_DUMPABLE, 0) < 0 ? fail(why, errno, "hide from who is there") : 0;
}

/* Who is there already may look into all that come,
 * but for who is hidden; a change of ids ends that. */
static int enter_user(struct entry *user, struct failure *why) {
  if (user->is_done)
    return 0;
  if (hide(why) < 0 || enter_one(user, why) < 0)
    return -why->errnum;
  const int r = userns_become_root(why);
  if (r < 0 && r != -EINVAL) /* id 0 is not mapped */
    return r;
  return hide(why);
}

static int make_user(const struct entrance *entrance, struct failure *why) {
  int r;

  if (unshare(CLONE_NEWUSER) < 0)
    return fail(why, errno, "make a user namespace");
  r = sync_send(entrance->theirs, SYNC_READY, why);
  return r < 0 ? r : sync_expect(entrance->theirs, SYNC_MAPPED, why);
}

/* Before anybody is in it: from then on its clocks stay (time_namespaces(7)). */
static int set_clocks(const char *offsets, int file, struct failure *why) {
  if (unshare(CLONE_NEWTIME) < 0)
    return fail(why, errno, "make a time namespace");
  if (write(file, offsets, strlen(offsets)) < 0)
    return fail(why, errno, "set its clocks");
  return 0;
}

static int enter_all(struct entrance *entrance, struct failure *why) {
  const struct plan *plan = entrance->start->plan;
  struct entry *user = find(entrance, CLONE_NEWUSER);
  int r = 0;

  if (user != NULL || id_maps_are_asked(plan))
    try_all_but_user(entrance);
  if (user != NULL)
    r = enter_user(user, why);
  else if (id_maps_are_asked(plan))
    r = make_user(entrance, why);
  if (r == 0)
    r = enter_rest(entrance, why);
  return r;
}

/* Opened while it is our own, which it is not where we are hidden. */
static int open_clocks(const struct plan *plan, int *ret_file, struct failure *why) {
  if (plan_find(plan, PLAN_TIME_OFFSETS) == NULL)
    return 0;
  *ret_file = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
  return *ret_file < 0 ? fail(why, errno, "open /proc/self/timens_offsets") : 0;
}

/* In the go-between. */
static int enter(void *whose, struct failure *why) {
  struct entrance *entrance = whose;
  const struct plan *plan = entrance->start->plan;
  autoclose int clocks = -1;

  (void) close(steal_fd(&entrance->ours));
  if (open_clocks(plan, &clocks, why) < 0)
    return fail_in_step(why, "time-offsets");
  if (open_entries(entrance, why) < 0 || enter_all(entrance, why) < 0)
    return fail_in_step(why, "enter");
  if (clocks >= 0 && set_clocks(plan_text(plan, PLAN_TIME_OFFSETS), clocks, why) < 0)
    return fail_in_step(why, "time-offsets");
  return find(entrance, CLONE_NEWPID) == NULL ? 0 : hide(why);
}

/* In the starter. */
static int map_ids(void *whose, pid_t pid, struct failure *why) {
  struct entrance *entrance = whose;
  int r;

  (void) close(steal_fd(&entrance->theirs));
  if (!id_maps_are_asked(entrance->start->plan))
    return 0;
  r = sync_expect(entrance->ours, SYNC_READY, why);
  if (r < 0)
    return fail_in_step(why, "enter");
  r = id_maps_write(entrance->start->plan, pid, why);
  if (r < 0)
    return fail_in_step(why, "id maps");
  return sync_send(entrance->ours, SYNC_MAPPED, why);
}

static void be_child(void *whose) {
  const struct entrance *entrance = whose;

  (void) close(entrance->conversation);
  child_main(entrance->start);
}

/* Without those that the go-between makes itself. */
static uint64_t flags_of(const struct plan *plan) {
  const bool has_clocks = plan_find(plan, PLAN_TIME_OFFSETS) != NULL;

  return birth_flags(plan) & ~(uint64_t) (CLONE_NEWUSER | (has_clocks ? CLONE_NEWTIME : 0));
}

int enter_give(const struct child_start *start, int ours, struct birth *ret_birth,
               struct failure *why) {
  struct entrance entrance = {.start = start, .conversation = ours, .ours = -1, .theirs = -1};
  const struct go_between between = {
      .enter = enter,
      .meanwhile = map_ids,
      .be = be_child,
      .whose = &entrance,
      .flags = flags_of(start->plan),
      .cgroup = start->cgroup,
  };
  int r;

  r = sync_open(&entrance.ours, &entrance.theirs, why);
  if (r < 0)
    return r;
  r = go_between_give(&between, ret_birth, why);
  if (entrance.ours >= 0)
    (void) close(entrance.ours);
  if (entrance.theirs >= 0)
    (void) close(entrance.theirs);
  if (r == 0)
    ret_birth->is_mapped = true;
  return r;
}
