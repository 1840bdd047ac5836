#include "become.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/fd.h"
#include "../core/plan.h"
#include "../core/process.h"
#include "../core/sync.h"
#include "console.h"
#include "listener.h"
#include "reaper.h"
#include "workdir.h"

/* A file that is not there, or no regular one, lists nobody. What lies there may change meanwhile:
 * one that was not there is not there, whatever there is now. */
static bool lists_nobody(int fd, int errnum, const char *path) {
  struct stat status;

  if (fd < 0 && (errnum == ENOENT || errnum == ENXIO))
    return true;
  return (fd < 0 ? stat(path, &status) : fstat(fd, &status)) < 0 || !S_ISREG(status.st_mode);
}

/* A zero byte is no end: it becomes another that nobody is called by. A pipe that takes the file's
 * place is not waited for. */
static int read_accounts(const char *path, char **ret_text, struct failure *why) {
  autoclose int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  const struct fd_source source = {.fd = fd, .name = path, .limit = PASSWD_MAX_BYTES};
  const int errnum = errno;
  size_t size = 0;
  int r;

  if (lists_nobody(fd, errnum, path)) {
    *ret_text = calloc(1, 1);
    return *ret_text == NULL ? fail(why, ENOMEM, "read %s", path) : 0;
  }
  if (fd < 0)
    return fail(why, errnum, "open %s", path);
  r = fd_read(&source, ret_text, &size, why);
  if (r < 0)
    return r;
  for (char *zero = *ret_text; (zero = memchr(zero, '\0', size - (size_t) (zero - *ret_text)));)
    *zero = '\1';
  return 0;
}

static bool is_given(char *const *groups, gid_t gid) {
  char text[16];

  (void) snprintf(text, sizeof text, "%u", gid);
  while (*groups != NULL && strcmp(*groups, text) != 0)
    groups++;
  return *groups != NULL;
}

/* The primary group is the first (passwd.h). A config.json says whether it is one of the others: an
 * engine that wants it there writes it there, against CVE-2022-36109. */
static void keep_given_groups(struct identity *identity, char *const *groups) {
  if (identity->group_count == 0 || is_given(groups, identity->groups[0]))
    return;
  identity->group_count--;
  memmove(identity->groups, identity->groups + 1, identity->group_count * sizeof(gid_t));
}

int command_find_user(struct command *command, const struct user_request *request,
                      struct failure *why) {
  autofree char *passwd = NULL;
  autofree char *group = NULL;
  int r;

  r = read_accounts("/etc/passwd", &passwd, why);
  if (r < 0)
    return r;
  r = read_accounts("/etc/group", &group, why);
  if (r < 0)
    return r;

  const struct accounts accounts = {.passwd = passwd, .group = group};
  r = passwd_resolve(request->text, request->groups, &accounts, &command->identity, why);
  if (r < 0)
    return r;
  if (request->flags & USER_GIVEN_GROUPS)
    keep_given_groups(&command->identity, request->groups);
  command->has_user = true;
  command->keeps_groups = request->flags & USER_KEEPS_GROUPS;
  command->sets_home = request->flags & USER_SETS_HOME;
  return 0;
}

static int bound_capabilities(struct command *command, struct failure *why) {
  return command->has_capabilities ? capabilities_bound(command->capabilities.bounding, why) : 0;
}

/* Before the ids change: the new user may not be allowed in, Docker's is. A directory only the
 * user may enter (a FUSE mount) is tried again after. */
static int enter_workdir(struct command *command, struct failure *why) {
  if (command->workdir != NULL && workdir_enter(command->workdir, why) == 0)
    command->workdir = NULL;
  return 0;
}

static int hand_over_stdio(struct command *command, struct failure *why) {
  if (!command->has_user)
    return 0;
  if (command->has_terminal)
    return console_own(command->identity.uid, why);
  process_own_stdio(command->identity.uid);
  return 0;
}

static int take_terminal(struct command *command, struct failure *why) {
  return command->has_terminal ? console_control(why) : 0;
}

static int change_ids(struct command *command, struct failure *why) {
  const struct identity *identity = &command->identity;

  if (!command->has_user)
    return 0;
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
    return fail(why, errno, "keep capabilities");
  if (!command->keeps_groups && setgroups(identity->group_count, identity->groups) < 0)
    return fail(why, errno, "set %zu supplementary groups", identity->group_count);
  if (setresgid(identity->gid, identity->gid, identity->gid) < 0)
    return fail(why, errno, "become group %u", identity->gid);
  if (setresuid(identity->uid, identity->uid, identity->uid) < 0)
    return fail(why, errno, "become user %u", identity->uid);
  return 0;
}

/* What follows may be left to somebody else to answer. */
static int install_filter(struct command *command, struct failure *why) {
  return command->outside.socket >= 0 ? listener_install(&command->filter, &command->outside, why)
                                      : seccomp_filter_install(&command->filter, why);
}

static int apply_labels(struct command *command, struct failure *why) {
  return outside_apply_labels(&command->outside, why);
}

static int apply_scheduling(struct command *command, struct failure *why) {
  return scheduling_apply(&command->scheduling, why);
}

/* Without no_new_privs it takes CAP_SYS_ADMIN, which a change of ids has made ineffective; and it
 * cannot wait for the capabilities to be reduced. What follows has to be allowed by the filter. */
static int filter_with_privilege(struct command *command, struct failure *why) {
  int r;

  if (command->filter.count == 0 || command->no_new_privileges)
    return 0;
  r = capabilities_raise(CAP_SYS_ADMIN, why);
  if (r < 0)
    return r;
  return install_filter(command, why);
}

static int reduce_capabilities(struct command *command, struct failure *why) {
  struct capabilities wanted = command->capabilities;

  if (!command->has_capabilities)
    return 0;
  if (command->has_user && command->identity.uid != 0) {
    wanted.permitted = wanted.ambient; /* what execve() leaves to an ordinary user anyhow */
    wanted.effective = wanted.ambient;
  }
  return capabilities_set(&wanted, why);
}

static int forgo_privileges(struct command *command, struct failure *why) {
  if (command->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    return fail(why, errno, "set no_new_privs");
  return 0;
}

static int enter_workdir_as_user(struct command *command, struct failure *why) {
  return command->workdir == NULL ? 0 : workdir_enter(command->workdir, why);
}

static int refuse_limit(const struct rlimit_request *request, struct failure *why) {
  const int errnum = errno;
  struct rlimit now = {0};

  (void) getrlimit((__rlimit_resource_t) request->resource, &now);
  if (errnum != EPERM || now.rlim_max == RLIM_INFINITY)
    return fail(why, errnum, "set the limit %s", request->name);
  return fail(why, errnum, "raise the limit %s beyond %llu", request->name,
              (unsigned long long) now.rlim_max);
}

/* Late: what was done before must not fail of them. */
static int limit_resources(struct command *command, struct failure *why) {
  for (size_t i = 0; i < command->rlimit_count; i++) {
    const struct rlimit_request *request = &command->rlimits[i];
    const struct rlimit wanted = {.rlim_cur = request->soft, .rlim_max = request->hard};

    if (setrlimit((__rlimit_resource_t) request->resource, &wanted) < 0)
      return refuse_limit(request, why);
  }
  return 0;
}

/* Any change of ids or capabilities clears it, so it comes after them (prctl(2)); had the keeper
 * died before, the parent would be another by now. */
static int die_with_keeper(struct command *command, struct failure *why) {
  (void) command;
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
    return fail(why, errno, "set the parent death signal");
  return 0;
}

/* A change of ids makes the process readable again where fs.suid_dumpable says so. */
static int stay_hidden(struct command *command, struct failure *why) {
  (void) command;
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
    return fail(why, errno, "hide from the container");
  return 0;
}

enum who { COMMAND = 1, REAPER = 2, BOTH = COMMAND | REAPER };

static const struct {
  const char *name;
  int (*take)(struct command *command, struct failure *why);
  enum who whose;
} steps[] = {
    {"capabilities", bound_capabilities, BOTH}, /* needs CAP_SETPCAP: before the ids change */
    {"workdir", enter_workdir, COMMAND},
    {"user", hand_over_stdio, COMMAND},   /* needs CAP_CHOWN: before the ids change */
    {"terminal", take_terminal, COMMAND}, /* before a filter that could keep it from us */
    {"label", apply_labels, COMMAND},
    {"scheduler", apply_scheduling, COMMAND}, /* what it takes goes with the ids */
    {"user", change_ids, BOTH},
    {"workdir", enter_workdir_as_user, COMMAND}, /* before a filter that may know no openat2() */
    {"seccomp", filter_with_privilege, COMMAND},
    {"capabilities", reduce_capabilities, BOTH},
    {"no-new-privileges", forgo_privileges, BOTH},
    {"rlimit", limit_resources, COMMAND},
    {"hide", stay_hidden, BOTH},
    {"parent death signal", die_with_keeper, BOTH},
};

static int take_steps(struct command *command, enum who who, struct failure *why) {
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
    if ((steps[i].whose & who) != 0 && steps[i].take(command, why) < 0)
      return fail_in_step(why, steps[i].name);
  return 0;
}

/* Returns in the command's process; in the reaper only on failure. */
static int leave_reaper_behind(struct command *command, int sync, struct failure *why) {
  pid_t pid = 0;

  if (!command->has_reaper)
    return 0;
  if (reaper_fork(&pid, why) < 0)
    return fail_in_step(why, "init");
  if (pid == 0)
    return 0;
  if (take_steps(command, REAPER, why) < 0)
    return -why->errnum;
  if (sync_is_over(sync)) /* the keeper's death came before we were to be told of it */
    _exit(EXIT_FAILURE);
  reaper_run(pid);
}

/* HOME for a command whose environment has none. */
static int add_home(struct command *command, struct failure *why) {
  autofree char *home = NULL;

  if (!command->has_user || !command->sets_home ||
      process_environment(command->environment, "HOME") != NULL)
    return 0;
  if (asprintf(&home, "HOME=%s", command->identity.home) < 0)
    return fail(why, ENOMEM, "set HOME");
  return process_set_variable(&command->environment, home, why);
}

/* Of LISTEN_FDS descriptors the process is to know that they are its own (sd_listen_fds(3)). */
static int name_listener(struct command *command, struct failure *why) {
  char text[32];

  if (command->preserved_count == 0 ||
      process_environment(command->environment, "LISTEN_FDS") == NULL)
    return 0;
  (void) snprintf(text, sizeof text, "LISTEN_PID=%d", (int) getpid());
  return process_set_variable(&command->environment, text, why);
}

/* Whoever creates a bare container is told what `start` would fail of. */
static int wait_at_gate(struct command *command, int sync, struct failure *why) {
  if (process_find(command->argv, command->environment, why) < 0)
    return fail_in_step(why, "exec");
  return gate_wait(command->gate, sync, why);
}

static int agree_with_keeper(struct command *command, int sync, struct failure *why) {
  int r;

  if (command->gate != NULL)
    return wait_at_gate(command, sync, why);
  r = sync_send(sync, SYNC_READY, why);
  if (r == 0)
    r = sync_expect(sync, SYNC_PROCEED, why);
  if (r == 0 && command->outlives_parent && prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) < 0)
    return fail(why, errno, "clear the parent death signal");
  return r;
}

int command_become(struct command *command, int sync, struct failure *why) {
  static char *nothing[] = {NULL};
  int r;

  if (command->environment == NULL)
    command->environment = nothing;
  if (command->argv == NULL)
    return fail(why, EINVAL, "the plan has no command");
  r = leave_reaper_behind(command, sync, why);
  if (r < 0)
    return r;
  r = take_steps(command, COMMAND, why);
  if (r < 0)
    return r;
  r = add_home(command, why);
  if (r == 0)
    r = name_listener(command, why);
  if (r < 0)
    return r;
  r = agree_with_keeper(command, sync, why);
  if (r < 0)
    return r;

  process_reset_signals();
  (void) umask(command->umask);
  /* With no_new_privs it can come last: nothing but execve() has to be allowed by it. */
  if (command->filter.count > 0 && command->no_new_privileges && install_filter(command, why) < 0)
    return fail_in_step(why, "seccomp");
  (void) process_exec(command->argv, command->environment, why);
  return fail_in_step(why, "exec");
}
