/* join_child.h — a further process of a container, from clone() to its command. */
#pragma once

#include "../core/plan.h"
#include "become.h"

struct join_start {
  const struct plan *plan;
  struct command *command; /* with its filter, which was read outside */
  int sync;                /* the child's end of the conversation */
  int preserved;           /* the first that is the command's own */
  int preserved_count;
  bool stays; /* its parent does, whose death is its own */
};

/* In the container's namespaces, hidden; with everything open that its parent has. */
_Noreturn void join_main_of_child(const struct join_start *start);
