/* userns.h — the id maps of a user namespace that another process was cloned into.
 *
 * Maps are lines "inside outside size\n". Written directly they need CAP_SETUID, CAP_SETGID and,
 * where they reach the parent's id 0, CAP_SETFCAP in the parent namespace; one line of one's own
 * id needs nothing but setgroups denied. The setuid programs newuidmap and newgidmap write what
 * /etc/subuid and /etc/subgid grant.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "failure.h"

struct id_maps {
  const char *uids;
  const char *gids;
  bool deny_setgroups;
};

int userns_write_maps(pid_t pid, const struct id_maps *maps, struct failure *why);

/* The same through newuidmap and newgidmap, both at once; their words are lost but for the exit
 * status. ENOENT when they are not on PATH. */
int userns_call_helpers(pid_t pid, const struct id_maps *maps, struct failure *why);

/* Make one with these maps, which we may write ourselves, and in which nobody is. */
int userns_make(const struct id_maps *maps, int *ret_fd, struct failure *why);

/* In a user namespace that was entered: who enters keeps the ids of before, which need not be its
 * root's. */
int userns_become_root(struct failure *why);
