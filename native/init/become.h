/* become.h — the user's command: what the plan says of it, and the way there.
 *
 * After pivot_root: user and groups are looked up in the container's own files.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../core/capabilities.h"
#include "../core/failure.h"
#include "../core/passwd.h"
#include "../core/seccomp.h"
#include "outside.h"
#include "scheduling.h"

#include "gate.h"

#define COMMAND_MAX_RLIMITS 16

struct rlimit_request {
  const char *name; /* for people */
  int resource;
  uint64_t soft;
  uint64_t hard;
};

struct command {
  char **argv;
  char **environment;
  const char *workdir; /* NULL: / */
  mode_t umask;
  bool no_new_privileges;
  bool has_reaper; /* it is not the first process itself */
  bool has_capabilities;
  bool has_user;
  bool keeps_groups; /* setgroups is denied in this namespace */
  bool sets_home;
  size_t rlimit_count;
  struct rlimit_request rlimits[COMMAND_MAX_RLIMITS];
  bool has_terminal;    /* it is descriptors 0, 1 and 2 */
  bool outlives_parent; /* once it is executed */
  struct gate *gate;    /* bare: it waits there; else NULL */
  int preserved_count;
  struct scheduling scheduling;
  struct outside outside;
  struct capabilities capabilities;
  struct seccomp_filter filter; /* no instructions: none */
  struct identity identity;
};

/* What one is where the plan says nothing. */
#define COMMAND_NONE                                                                               \
  { .umask = 022, .outside = OUTSIDE_NONE }

struct user_request {
  const char *text; /* user[:group] */
  char *const *groups;
  uint64_t flags; /* USER_… of the plan */
};

int command_find_user(struct command *command, const struct user_request *request,
                      struct failure *why);

/* Give up what the command is not to have, tell the keeper, exec. Returns only on failure. */
int command_become(struct command *command, int sync, struct failure *why);
