/* child_parts.h — what the files of child.h share. */
#pragma once

#include <stdbool.h>

#include "../core/mounts.h"
#include "../core/plan.h"
#include "become.h"

struct child {
  const struct plan *plan;
  int sync;                   /* the conversation of core/sync.h */
  int root;                   /* O_PATH of the container's root, -1 before `root` */
  int empty;                  /* what hides directories, -1 before the first `mask` */
  int borrowed;               /* the mount that the next `borrow` attaches */
  bool has_run_hooks;         /* createContainer */
  bool is_alone;              /* the mounts of before are still shared with the host */
  struct mount_wishes wishes; /* of the next mount */
  struct command command;
};

struct child_step {
  enum plan_code code;
  int (*take)(struct child *child, const union argument *arguments, struct failure *why);
};

/* The operations on the root and what is mounted in it; a row without a function ends them. */
extern const struct child_step child_root_steps[];
