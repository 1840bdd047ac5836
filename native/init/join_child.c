/* join_child.c — the way of a further process in a container, from clone() to its command.
 *
 * Theory of operation: as for the command of a kept container (exec_inside.c), what runs in the
 * container does as it likes meanwhile with what is its own. Of this process it sees a number and a
 * name: it was hidden before it came in. What the host has open is closed before the first
 * operation, but for 0, 1 and 2, the conversation, and what was asked for. Paths are the
 * container's.
 */
#include "join_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/process.h"
#include "../core/sync.h"
#include "command.h"
#include "console.h"
#include "moving.h"

static int open_terminal(struct command *command, int sync, struct failure *why) {
  autoclose int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

  if (root < 0)
    return fail(why, errno, "open /");
  command->has_terminal = true;
  return console_open_another(root, sync, why);
}

static int take_step(struct command *command, const struct operation *operation, int sync,
                     struct failure *why) {
  switch (operation->code) {
    case PLAN_TERMINAL:
      return open_terminal(command, sync, why) < 0 ? fail_in_step(why, "terminal") : 0;
    case PLAN_WORKDIR:
      command->workdir = operation->arguments[0].text; /* it has to be there */
      return 0;
    case PLAN_SECCOMP: /* prepared outside, where the files are */
    case PLAN_SECCOMP_LISTENER:
    case PLAN_LABEL: return 0;
    default: return command_note(command, operation, why);
  }
}

static int become(const struct join_start *start, int sync, struct failure *why) {
  int r;

  /* Again at the end, where it has been cleared by then. A parent that is dead by now is found out
   * by the conversation. */
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
    return fail(why, errno, "set the parent death signal");
  if (setsid() < 0)
    return fail(why, errno, "make a session");
  r = process_check_stdio(why);
  if (r < 0)
    return fail_in_step(why, "stdio");
  for (size_t i = 0; i < start->plan->count; i++) {
    r = take_step(start->command, &start->plan->operations[i], sync, why);
    if (r < 0)
      return r;
  }
  return command_become(start->command, sync, why);
}

_Noreturn void join_main_of_child(const struct join_start *start) {
  struct failure why = {0};
  struct moving moving = {0};

  moving_add_preserved(&moving, start->preserved, start->preserved_count);
  const int sync = moving_add(&moving, start->sync);
  struct outside *outside = &start->command->outside;
  if (outside->proc >= 0)
    outside->proc = moving_add(&moving, outside->proc);
  if (outside->socket >= 0)
    outside->socket = moving_add(&moving, outside->socket);
  moving_carry_out(&moving);
  start->command->outlives_parent = !start->stays;
  start->command->preserved_count = start->preserved_count;
  (void) become(start, sync, &why); /* returns only to say why it could not */
  sync_report(sync, &why);
  _exit(EXIT_FAILURE);
}
