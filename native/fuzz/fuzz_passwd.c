/* fuzz_passwd.c — passwd_resolve() on any files and any user: "USER\0PASSWD\0GROUP". */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../core/passwd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct identity identity;
  struct failure why;
  char further[] = "staff";
  char *groups[] = {further, NULL};
  char *text = calloc(size + 3, 1); /* three ends, wherever the input has its own */

  if (text == NULL)
    return 0;
  if (size > 0)
    memcpy(text, data, size);
  const char *passwd = text + strlen(text) + 1;
  const char *group = passwd <= text + size ? passwd + strlen(passwd) + 1 : passwd;
  const struct accounts accounts = {
      .passwd = passwd <= text + size ? passwd : "",
      .group = group <= text + size + 1 ? group : "",
  };

  (void) passwd_resolve(text, groups, &accounts, &identity, &why);
  free(text);
  return 0;
}
