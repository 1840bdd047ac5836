/* passwd.h — `user[:group]` to ids, from a container's own /etc/passwd and /etc/group.
 *
 * Both files are the image's: read as bounded bytes, malformed lines skipped, numbers checked.
 * Who is meant is decided as under Docker (moby/sys, user): what is all digits is a number,
 * never a name, and stands for itself, with group 0 and home / when no line has it; a name is
 * looked up and must be there; without a group, the groups that list the user come along. The
 * primary group is among the supplementary ones.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "failure.h"

#define PASSWD_MAX_GROUPS 1024
#define PASSWD_MAX_BYTES (16u << 20)

struct identity {
  uid_t uid;
  gid_t gid;
  size_t group_count;
  gid_t groups[PASSWD_MAX_GROUPS]; /* supplementary, the primary one first */
  char home[4096];
};

/* The files' texts; "" for a file that is not there. They end with a NUL. */
struct accounts {
  const char *passwd;
  const char *group;
};

/* `further` are names or numbers of more supplementary groups, NULL at the end.
 * ENOENT: no such user or group. EOPNOTSUPP: in too many groups. */
int passwd_resolve(const char *user, char *const *further, const struct accounts *accounts,
                   struct identity *ret_identity, struct failure *why);
