/* node.h — one device node, or pipe, of a container.
 *
 * It is made; where the kernel reserves that to root of the machine (EPERM), the node that this
 * machine has at the same path is mounted there, if it is of the same numbers: read-only is the
 * node then, not the device, for its mode and owner are the machine's. What is there already is
 * left as it is, if it is what was asked for; EEXIST if not. Over an empty file the machine's node
 * is mounted: that is what an earlier mount has left there.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "failure.h"

struct node_request {
  const char *path; /* in the container; its directories are made */
  mode_t mode;      /* with S_IFCHR, S_IFBLK or S_IFIFO */
  bool is_there;    /* it is not made: ENOENT when it is missing */
  dev_t device;     /* of a pipe: of no account */
  uid_t uid;
  gid_t gid;
};

/* The file mode mask is to be 0. */
int node_make(int root, const struct node_request *request, struct failure *why);
