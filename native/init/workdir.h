/* workdir.h — the directory a command begins in.
 *
 * The container's files and config.json choose it. Below /proc/self/fd it would be what we have
 * open of the host (CVE-2024-21626), so no such link is followed, and where it led is asked after.
 */
#pragma once

#include "../core/failure.h"

/* After the root was changed to, `path` being absolute. */
int workdir_enter(const char *path, struct failure *why);
