#include "tar_name.h"

#include <errno.h>
#include <string.h>

int tar_name_clean(const char *name, char *ret_path, struct failure *why) {
  size_t used = 0;

  while (*name != '\0') {
    const size_t length = strcspn(name, "/");

    if (length == 2 && memcmp(name, "..", 2) == 0) {
      if (used == 0)
        return fail(why, EBADMSG, "leads above the root");
      const char *slash = memrchr(ret_path, '/', used);
      used = slash == NULL ? 0 : (size_t) (slash - ret_path);
    } else if (length > 0 && !(length == 1 && *name == '.')) {
      if (used + length + 2 > TAR_NAME_SIZE)
        return fail(why, ENAMETOOLONG, "clean name");
      if (used > 0)
        ret_path[used++] = '/';
      memmove(ret_path + used, name, length); /* it may be cleaned in place */
      used += length;
    }
    name += length;
    name += *name == '/';
  }
  ret_path[used] = '\0';
  return 0;
}
