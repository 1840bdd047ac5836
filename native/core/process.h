/* process.h — the last things a process does before it becomes the user's command. */
#pragma once

#include <sys/types.h>

#include "failure.h"

/* All signals to their defaults, none blocked: what Node or a shell left behind is no business
 * of the command. */
void process_reset_signals(void);

/* Refuse a directory at 0, 1 or 2: from it a container climbs to all files of the host. */
int process_check_stdio(struct failure *why);

/* Give the pipes at 0, 1 and 2 to `uid`, so that /dev/stdout can be opened again by its path. */
void process_own_stdio(uid_t uid);

/* The value of `name` in an environment, or NULL. */
const char *process_environment(char *const *environment, const char *name);

/* Put "NAME=value" into an environment, in the place of another value: a copy, for execve(), that
 * is never freed. */
int process_set_variable(char ***environment, const char *variable, struct failure *why);

/* Whether process_exec() would find something that may be executed; fails as it would. */
int process_find(char *const *argv, char *const *environment, struct failure *why);

/* execve() `argv`, looked up along PATH of `environment` when its name has no slash. Returns only
 * to say why not: ENOENT and ENOTDIR mean there is none, the rest that it cannot be run. */
int process_exec(char *const *argv, char *const *environment, struct failure *why);
