/* fuzz_seccomp_rules.c — seccomp_rules_parse() on any bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../core/seccomp_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct seccomp_rules rules;
  struct failure why;
  char *text = malloc(size + 1);

  if (text == NULL)
    return 0;
  if (size > 0)
    memcpy(text, data, size);
  text[size] = '\0';
  if (seccomp_rules_parse(text, size, &rules, &why) == 0)
    seccomp_rules_free(&rules);
  return 0;
}
