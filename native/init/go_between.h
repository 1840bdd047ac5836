/* go_between.h — a process is born into namespaces that its parent stays outside of.
 *
 *   parent            go-between                               child (the parent's all the same)
 *
 *   fork()  ------>   enters namespaces, and makes some
 *   meanwhile()       clone(CLONE_PARENT)  ----------------->  be()
 *           <------   ends
 *
 * What is entered, a process cannot leave again; and of pid and time namespaces only those are in
 * it that a process makes once it has entered.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../core/failure.h"

struct birth {
  pid_t pid;
  int pidfd;
  bool is_mapped; /* its user namespace has its ids already */
};

struct go_between {
  /* In the go-between, which dies with its parent. */
  int (*enter)(void *whose, struct failure *why);
  /* In the parent, as soon as there is one; NULL: nothing. On failure the go-between is killed. */
  int (*meanwhile)(void *whose, pid_t pid, struct failure *why);
  /* In the child. Does not return. */
  void (*be)(void *whose);
  void *whose;
  uint64_t flags; /* CLONE_NEW… of the child's own */
  int cgroup;     /* the directory of the control group that it starts in, or -1 */
};

/* On failure there is no child. */
int go_between_give(const struct go_between *between, struct birth *ret_birth, struct failure *why);

/* Cloned into it, no process has to be moved, which takes the kernel long. Its cgroup namespace
 * would begin at the parent's group then: it makes that itself (child.c). */
struct clone_args;
void go_between_choose_group(int cgroup, struct clone_args *arguments);
