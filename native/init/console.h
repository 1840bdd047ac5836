/* console.h — the terminal of a container, as its first process makes it. */
#pragma once

#include <sys/types.h>

#include "../core/failure.h"

/* Make a terminal in the devpts at /dev/pts under `root`: it becomes /dev/console and descriptors
 * 0, 1 and 2, and its master goes to the keeper over `sync`. */
int console_open(int root, int sync, struct failure *why);

/* The same in a container that runs, whose /dev/console stays as it is. */
int console_open_another(int root, int sync, struct failure *why);

/* It belongs to the user of the command, who may open it again. Needs CAP_CHOWN. */
int console_own(uid_t uid, struct failure *why);

/* In the process that will exec: the terminal becomes the controlling one of its session, which
 * it leads already or makes now. */
int console_control(struct failure *why);
