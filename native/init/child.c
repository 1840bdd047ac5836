/* child.c — what a container's first process does before it becomes the user's command.
 *
 * Theory of operation: the plan is the story, in its order. Each operation of the inside has one
 * row in a table, below or in child_root.c, and one function, which carries it out or remembers it
 * for the end; the first that fails ends the start, under the operation's name. Until `pivot` paths
 * of the host are looked up in the host's tree and paths of the container under `root`. The host's
 * descriptors are gone before the first operation, but for 0, 1, 2 and the conversation.
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/inside.h"
#include "../core/process.h"
#include "../core/sync.h"
#include "../core/syscalls.h"
#include "../core/userns.h"
#include "child_parts.h"
#include "command.h"
#include "console.h"
#include "hook.h"
#include "moving.h"
#include "namespaces.h"
#include "verb.h"

static int set_hostname(struct child *child, const union argument *arguments, struct failure *why) {
  (void) child;
  if (sethostname(arguments[0].text, strlen(arguments[0].text)) < 0)
    return fail(why, errno, "set hostname to %s", arguments[0].text);
  return 0;
}

static int set_domainname(struct child *child, const union argument *arguments,
                          struct failure *why) {
  (void) child;
  if (setdomainname(arguments[0].text, strlen(arguments[0].text)) < 0)
    return fail(why, errno, "set domain name to %s", arguments[0].text);
  return 0;
}

static int raise_loopback(struct child *child, const union argument *arguments,
                          struct failure *why) {
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  autoclose int socket_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  (void) child;
  (void) arguments;
  if (socket_fd < 0)
    return fail(why, errno, "create a socket");
  if (ioctl(socket_fd, SIOCSIFFLAGS, &request) < 0)
    return fail(why, errno, "bring up lo");
  return 0;
}

static int make_workdir(struct child *child, const union argument *arguments, struct failure *why) {
  autoclose int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  autoclose int fd = -1;

  if (root < 0)
    return fail(why, errno, "open /");
  child->command.workdir = arguments[0].text;
  return inside_make_directory(root, arguments[0].text, 0755, &fd, why);
}

static int open_terminal(struct child *child, const union argument *arguments,
                         struct failure *why) {
  (void) arguments; /* its size is the keeper's */
  child->command.has_terminal = true;
  return console_open(child->root, child->sync, why);
}

/* Namespaces and mounts are there, and the host's tree still is. */
static int await_runtime_hooks(struct child *child, const union argument *arguments,
                               struct failure *why) {
  const int r = sync_send(child->sync, SYNC_HOOKS, why);

  (void) arguments;
  return r < 0 ? r : sync_expect(child->sync, SYNC_HOOKED, why);
}

/* The first operation of those carries out all of them; gate.c those of another time. */
static int run_hooks(struct child *child, const union argument *arguments, struct failure *why) {
  if (arguments[0].number != HOOK_CREATE_CONTAINER || child->has_run_hooks)
    return 0;
  child->has_run_hooks = true;
  return hooks_run(child->plan, HOOK_CREATE_CONTAINER, why);
}

/* What is neither here, nor of child_root.c, nor about the command (command.h) is the keeper's. */
static const struct child_step steps[] = {
    {PLAN_TERMINAL, open_terminal},
    {PLAN_HOSTNAME, set_hostname},
    {PLAN_DOMAINNAME, set_domainname},
    {PLAN_LOOPBACK, raise_loopback},
    {PLAN_WORKDIR, make_workdir},
    {PLAN_RUNTIME_HOOKS, await_runtime_hooks},
    {PLAN_HOOK, run_hooks},
    {0, NULL},
};

static const struct child_step *find_step(const struct child_step *table, enum plan_code code) {
  while (table->take != NULL && table->code != code)
    table++;
  return table->take == NULL ? NULL : table;
}

static int take_step(struct child *child, const struct operation *operation, struct failure *why) {
  const struct child_step *step = find_step(child_root_steps, operation->code);

  if (step == NULL)
    step = find_step(steps, operation->code);
  if (step == NULL)
    return command_note(&child->command, operation, why);
  if (step->take(child, operation->arguments, why) < 0)
    return fail_in_step(why, plan_name(operation->code));
  return 0;
}

/* Where it was cloned into a control group of its own, or was moved to one meanwhile, its namespace
 * is to begin there. */
static int enter_group(const struct child_start *given, struct failure *why) {
  const struct operation *namespaces = plan_find(given->plan, PLAN_NAMESPACES);
  const bool has_own = given->cgroup >= 0 || plan_find(given->plan, PLAN_CGROUP_WAIT) != NULL;

  if (!has_own || (namespaces->arguments[0].number & CLONE_NEWCGROUP) == 0)
    return 0;
  if (unshare(CLONE_NEWCGROUP) < 0)
    return fail(why, errno, "make a cgroup namespace");
  return 0;
}

/* Who starts a bare container need not be its root: what is made from here on is to be root's, if
 * there is one. */
static int become_root(const struct plan *plan, struct failure *why) {
  const struct operation *namespaces = plan_find(plan, PLAN_NAMESPACES);

  if ((namespaces->arguments[0].number & CLONE_NEWUSER) == 0)
    return 0;
  const int r = userns_become_root(why);
  if (r < 0 && r != -EINVAL) /* id 0 is not mapped */
    return r;
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) /* lost with the ids of before */
    return fail(why, errno, "set the parent death signal");
  return 0;
}

static void close_places(struct child *child) {
  if (child->root >= 0)
    (void) close(steal_fd(&child->root));
  if (child->empty >= 0)
    (void) close(steal_fd(&child->empty));
}

static int start(struct child *child, const struct child_start *given, struct failure *why) {
  const struct plan *plan = given->plan;
  int r;

  /* Steps may take long, or wait for another container; set again where it has been cleared, at
   * the end (become.c). A keeper that is dead by now is found out at once. */
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
    return fail(why, errno, "set the parent death signal");
  r = namespaces_show(plan, child->sync, why);
  if (r < 0)
    return r;

  r = sync_expect(child->sync, SYNC_MAPPED, why);
  if (r == 0)
    r = enter_group(given, why);
  if (r == 0 && given->gate != NULL)
    r = become_root(plan, why);
  if (r < 0)
    return r;

  /* Signals to the own process group must not reach the keeper, which owns it till now: a stopped
   * one would see neither a time-out nor its owner's death. */
  if (setsid() < 0)
    return fail(why, errno, "leave the keeper's session");
  if (given->gate != NULL)
    verb_retitle("marmita: created"); /* instead of paths of the host */
  /* From here on nothing of the container's may look into this process, or reopen the helper
   * through it (CVE-2019-5736). */
  if (prctl(PR_SET_DUMPABLE, 0) < 0)
    return fail(why, errno, "hide from the container");
  r = process_check_stdio(why);
  if (r < 0)
    return fail_in_step(why, "stdio");
  (void) umask(0); /* the modes of the plan are exact; the command's own is set at the end */

  for (size_t i = 0; i < plan->count; i++) {
    r = take_step(child, &plan->operations[i], why);
    if (r < 0)
      return r;
  }
  if (given->gate != NULL)
    close_places(child); /* it may wait for days */
  return command_become(&child->command, child->sync, why);
}

/* The command's own first, then ours, which are closed when it is executed. */
static void take_descriptors(struct child *child, struct gate *gate,
                             const struct child_start *given) {
  struct moving moving = {0};

  moving_add_preserved(&moving, given->preserved, given->preserved_count);
  child->sync = moving_add(&moving, given->sync);
  if (given->gate != NULL) {
    *gate = *given->gate;
    gate->fifo = moving_add(&moving, gate->fifo);
    gate->result = moving_add(&moving, gate->result);
    child->command.gate = gate;
    child->command.preserved_count = given->preserved_count;
    child->command.filter = given->filter;
  }
  child->borrowed = MOVING_FIRST + moving.count;
  for (int i = 0; i < given->borrowed_count; i++)
    (void) moving_add(&moving, given->borrowed[i]);
  moving_carry_out(&moving);
}

_Noreturn void child_main(const struct child_start *given) {
  struct failure why = {0};
  struct gate gate = {0};
  /* static: an identity alone is 8 KiB, and this process never returns. */
  static struct child child = {.root = -1, .empty = -1, .command = COMMAND_NONE};

  child.plan = given->plan;
  take_descriptors(&child, &gate, given);
  (void) start(&child, given, &why); /* returns only to say why it could not */
  if (gate.is_released)
    gate_tell(&gate, &why);
  else
    sync_report(child.sync, &why);
  _exit(EXIT_FAILURE);
}
