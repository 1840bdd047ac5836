/* exec_watch.h — a further command in a container that runs: its side outside (exec_inside.h).
 *
 *   exec_start(&exec, …)    it runs, or does not
 *   exec_collect(&exec)     exec.report is readable: it has ended, or its head has been killed
 *   exec_end(&exec)         kill it and all that descends from it
 *   exec_leave(&exec)       it has ended: let go of what it left behind
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "../core/plan.h"
#include "streams.h"

/* How long the end of a container may take, all of whose processes are reaped before it is seen:
 * the machine may be busy. */
enum { EXEC_END_MS = 2000 };

struct exec {
  const struct plan *plan;
  int owner;               /* a socket whose end ends a start that is under way, or -1 */
  struct streams *streams; /* of its terminal, where the plan has one; else NULL */
  struct size size;

  /* From exec_start() on. */
  int target; /* pidfd of a process that is there as long as the container */
  int cgroup; /* the directory of its control group, where that is its own; or -1 */
  pid_t head; /* our child */
  int report; /* from the head */
  int pidfd;  /* the command's */
  int proc;   /* open on /proc */
  int status; /* as of waitpid(), from exec_collect() on */
  bool is_over;
};

/* Our user namespace becomes the one that the container's was made in. ESRCH: it does not run. On
 * failure nothing of the command is left. */
int exec_start(struct exec *exec, struct failure *why);

void exec_collect(struct exec *exec);
void exec_end(struct exec *exec);
void exec_leave(struct exec *exec);

/* Docker's exit codes for a command that could not begin. */
int exec_exit_code(const struct failure *why);
