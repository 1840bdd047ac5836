/* starter_given.c — what a starter was given for the command: descriptors, and who shows its
 * terminal. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/fd.h"
#include "../core/spawn.h"
#include "../core/sync.h"
#include "console_socket.h"
#include "starter.h"
#include "verb.h"

int starter_read_words(struct starter *starter, char *const *words, struct failure *why) {
  for (; *words != NULL; words++) {
    if (strcmp(*words, "stay") == 0) {
      starter->stays = true;
    } else if (strcmp(*words, "console") == 0) {
      starter->console = FD_EXTRA;
      starter->preserved = FD_EXTRA + 1;
    } else {
      return fail(why, EINVAL, "there is no word %s", *words);
    }
  }
  return 0;
}

/* What is counted has to be there: the child could not tell it from what is its own. */
int starter_find_preserved(struct starter *starter, const struct plan *plan, struct failure *why) {
  const struct operation *operation = plan_find(plan, PLAN_PRESERVE_FDS);
  const uint64_t count = operation == NULL ? 0 : operation->arguments[0].number;

  if (count > SPAWN_MAX_FDS)
    return fail(why, E2BIG, "preserve %llu descriptors", (unsigned long long) count);
  starter->preserved_count = (int) count;
  for (int i = 0; i < starter->preserved_count; i++)
    if (fcntl(starter->preserved + i, F_GETFD) < 0)
      return fail(why, errno, "preserve descriptor %d", 3 + i);
  return 0;
}

/* To the container's own socket, or to Node's: where it has neither nobody shows it. */
static int pass_terminal_on(const struct starter *starter, const struct plan *plan, int master,
                            struct failure *why) {
  const struct operation *terminal = plan_find(plan, PLAN_TERMINAL);
  const char *socket = plan_text(plan, PLAN_CONSOLE_SOCKET);
  const struct winsize size = {
      .ws_col = (unsigned short) terminal->arguments[0].number,
      .ws_row = (unsigned short) terminal->arguments[1].number,
  };

  if (size.ws_col != 0 || size.ws_row != 0)
    (void) ioctl(master, TIOCSWINSZ, &size);
  if (socket != NULL)
    return console_socket_send(socket, master, why);
  if (starter->console < 0)
    return fail(why, EINVAL, "the plan has a terminal and no console-socket");
  return fd_send(starter->console, master, why);
}

int starter_take_terminal(struct starter *starter, const struct plan *plan, struct failure *why) {
  autoclose int master = -1;
  int r;

  if (plan_find(plan, PLAN_TERMINAL) == NULL)
    return 0;
  r = starter_await(starter, why);
  if (r == 0)
    r = sync_expect_fd(starter->sync, SYNC_TERMINAL, &master, why);
  if (r < 0)
    return r;
  r = pass_terminal_on(starter, plan, master, why);
  return r < 0 ? fail_in_step(why, "console-socket") : 0;
}
