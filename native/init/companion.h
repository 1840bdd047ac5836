/* companion.h — a program that serves one container from outside: a file system, a network. */
#pragma once

#include <sys/types.h>

#include "../core/failure.h"

struct companion {
  pid_t pid; /* 0: there is none */
  int pidfd; /* -1 then */
};

#define COMPANION_NONE ((struct companion){.pid = 0, .pidfd = -1})

/* Start `argv`, looked up along PATH. `files` become its descriptors 0, 1 and 2, those that are
 * -1 are /dev/null; it gets no others. It dies with this process. What it cannot be started for
 * it says on its stderr. */
int companion_start(char *const *argv, const int files[static 3], struct companion *ret_companion,
                    struct failure *why);

/* The same for a program that would forget to die with us: it runs in a pid namespace, whose first
 * process does not. The companion is that one; it ends with the program's exit code, or 128 + n
 * after signal n. */
int companion_start_guarded(char *const *argv, const int files[static 3],
                            struct companion *ret_companion, struct failure *why);

/* Kill it and wait for its end; `ret_status`, as of waitpid(2), may be NULL. Twice is fine. */
void companion_stop(struct companion *companion, int *ret_status);
