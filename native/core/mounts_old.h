/* mounts_old.h — mount(2), for what the calls of descriptors have no words for.
 *
 * fsconfig(2) takes texts of up to 255 bytes, and knows neither `iversion` nor `silent`.
 */
#pragma once

#include <stdbool.h>

#include "failure.h"
#include "mounts.h"

bool mounts_needs_old(const struct mount_request *request);

/* On the directory that `place` is (O_PATH), which is at the request's target under `root`. */
int mounts_old(int root, int place, const struct mount_request *request, struct failure *why);
