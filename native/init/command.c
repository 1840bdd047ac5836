#include "command.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Without one of its own the container could read the caller's keys (session-keyring(7)). A
 * kernel without keys, or an outer filter that denies keyctl, has none to give. EDQUOT: a user may
 * have 200 keys (kernel.keys.maxkeys), and as many containers as it likes; SECURITY.md says so. */
static int join_keyring(struct command *command, const union argument *arguments,
                        struct failure *why) {
  (void) command;
  if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, arguments[0].text) < 0 && errno != ENOSYS &&
      errno != EPERM && errno != EDQUOT)
    return fail(why, errno, "join a session keyring of its own");
  return 0;
}

static int find_user(struct command *command, const union argument *arguments,
                     struct failure *why) {
  const struct user_request request = {
      .text = arguments[0].text,
      .groups = arguments[1].list,
      .flags = arguments[2].number,
  };

  return command_find_user(command, &request, why);
}

static int note_capabilities(struct command *command, const union argument *arguments,
                             struct failure *why) {
  command->has_capabilities = true;
  command->capabilities = (struct capabilities){
      .bounding = arguments[0].number,
      .effective = arguments[1].number,
      .permitted = arguments[2].number,
      .inheritable = arguments[3].number,
      .ambient = arguments[4].number,
  };
  (void) why;
  return 0;
}

static int note_no_new_privileges(struct command *command, const union argument *arguments,
                                  struct failure *why) {
  (void) arguments;
  (void) why;
  command->no_new_privileges = true;
  return 0;
}

/* Before `pivot`, after which the file is out of reach. A bare container's starter has read it. */
static int read_filter(struct command *command, const union argument *arguments,
                       struct failure *why) {
  if (command->filter.count > 0)
    return 0;
  return seccomp_filter_read(arguments[0].text, &command->filter, why);
}

static int note_rlimit(struct command *command, const union argument *arguments,
                       struct failure *why) {
  if (command->rlimit_count == COMMAND_MAX_RLIMITS)
    return fail(why, E2BIG, "set more than %d limits", COMMAND_MAX_RLIMITS);
  command->rlimits[command->rlimit_count++] = (struct rlimit_request){
      .name = arguments[0].text,
      .resource = (int) arguments[1].number,
      .soft = arguments[2].number,
      .hard = arguments[3].number,
  };
  return 0;
}

/* For all that runs in this process from here on. */
static int set_personality(struct command *command, const union argument *arguments,
                           struct failure *why) {
  (void) command;
  if (personality((unsigned long) arguments[0].number) < 0)
    return fail(why, errno, "set the personality");
  return 0;
}

static int note_scheduler(struct command *command, const union argument *arguments,
                          struct failure *why) {
  struct scheduling *scheduling = &command->scheduling;

  (void) why;
  scheduling->has_scheduler = true;
  scheduling->policy = (uint32_t) arguments[0].number;
  scheduling->flags = arguments[1].number;
  scheduling->rank = (int32_t) (int64_t) arguments[2].number;
  scheduling->runtime_ns = arguments[3].number;
  scheduling->deadline_ns = arguments[4].number;
  scheduling->period_ns = arguments[5].number;
  return 0;
}

static int note_io_priority(struct command *command, const union argument *arguments,
                            struct failure *why) {
  (void) why;
  command->scheduling.has_io_priority = true;
  command->scheduling.io_priority = (int) arguments[0].number;
  return 0;
}

/* Those of before are its parent's (join.c). */
static int note_cpus(struct command *command, const union argument *arguments,
                     struct failure *why) {
  (void) why;
  if (*arguments[1].text != '\0')
    command->scheduling.cpus = arguments[1].text;
  return 0;
}

static int note_label(struct command *command, const union argument *arguments,
                      struct failure *why) {
  return outside_note_label(&command->outside, arguments, why);
}

static int note_listener(struct command *command, const union argument *arguments,
                         struct failure *why) {
  return outside_note_listener(&command->outside, arguments, why);
}

static int note_reaper(struct command *command, const union argument *arguments,
                       struct failure *why) {
  (void) arguments;
  (void) why;
  command->has_reaper = true;
  return 0;
}

/* The caller is another inside: without this all that is made from here on would be its own. */
static int become_root(struct command *command, const union argument *arguments,
                       struct failure *why) {
  (void) command;
  if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
    return fail(why, errno, "become root of the container");
  /* Both are lost with the ids of before. */
  if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
    return fail(why, errno, "hide from the container");
  for (char *const *path = arguments[0].list; *path != NULL; path++)
    if (lchown(*path, 0, 0) < 0)
      return fail(why, errno, "give %s to root", *path);
  return 0;
}

static int set_umask(struct command *command, const union argument *arguments,
                     struct failure *why) {
  (void) why;
  command->umask = (mode_t) arguments[0].number;
  return 0;
}

static int note_environment(struct command *command, const union argument *arguments,
                            struct failure *why) {
  (void) why;
  command->environment = arguments[0].list;
  return 0;
}

static int note_command(struct command *command, const union argument *arguments,
                        struct failure *why) {
  (void) why;
  command->argv = arguments[0].list;
  return 0;
}

static const struct {
  enum plan_code code;
  int (*take)(struct command *command, const union argument *arguments, struct failure *why);
} steps[] = {
    {PLAN_KEYRING, join_keyring},
    {PLAN_USER, find_user},
    {PLAN_CAPABILITIES, note_capabilities},
    {PLAN_NO_NEW_PRIVILEGES, note_no_new_privileges},
    {PLAN_SECCOMP, read_filter},
    {PLAN_RLIMIT, note_rlimit},
    {PLAN_PERSONALITY, set_personality},
    {PLAN_SCHEDULER, note_scheduler},
    {PLAN_IO_PRIORITY, note_io_priority},
    {PLAN_CPU_AFFINITY, note_cpus},
    {PLAN_LABEL, note_label},
    {PLAN_SECCOMP_LISTENER, note_listener},
    {PLAN_INIT, note_reaper},
    {PLAN_BECOME_ROOT, become_root},
    {PLAN_UMASK, set_umask},
    {PLAN_ENVIRONMENT, note_environment},
    {PLAN_COMMAND, note_command},
};

int command_note(struct command *command, const struct operation *operation, struct failure *why) {
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
    if (steps[i].code == operation->code && steps[i].take(command, operation->arguments, why) < 0)
      return fail_in_step(why, plan_name(operation->code));
  return 0;
}
