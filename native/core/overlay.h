/* overlay.h — the layers of an image under one writable directory, by the kernel's overlay.
 *
 * mount(2) takes one page of options, which 37 layers with long paths fill: every directory is
 * named as /proc/self/fd/N, so 127 layers fit, and no path needs escaping. The descriptors are
 * opened here, after CLONE_NEWNS: those of another mount namespace are refused (EINVAL).
 */
#pragma once

#include "failure.h"

struct overlay {
  const char *upper; /* "" makes it read-only */
  const char *work;
  char *const *lowers;  /* top first, NULL at the end */
  char *const *options; /* "userxattr", …; NULL at the end */
};

/* Mount on the directory that `target` names. */
int overlay_mount(const char *target, const struct overlay *overlay, struct failure *why);
