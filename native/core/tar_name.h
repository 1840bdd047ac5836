/* tar_name.h — a name in a tar as a path below where the tar is unpacked. */
#pragma once

#include "failure.h"
#include "tar.h"

#define TAR_NAME_SIZE (TAR_NAME_MAX + 1)

/* Relative, without ".", ".." and empty parts; "" is the root. `ret_path`, of TAR_NAME_SIZE bytes,
 * may be `name` itself. EBADMSG for one that leads above the root. */
int tar_name_clean(const char *name, char *ret_path, struct failure *why);
