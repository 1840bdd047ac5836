/* fuzz_plan.c — plan_decode() on any bytes: it refuses, or every text it hands out ends. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../core/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Touch what the plan gives out, so that the sanitizers see a text without an end. */
static size_t measure(const struct plan *plan) {
  size_t total = 0;

  for (size_t i = 0; i < plan->count; i++) {
    const struct operation *operation = &plan->operations[i];

    if (operation->code == PLAN_COMMAND || operation->code == PLAN_ENVIRONMENT)
      for (char **text = operation->arguments[0].list; *text != NULL; text++)
        total += strlen(*text);
    if (operation->code == PLAN_HOOK)
      for (size_t list = 3; list <= 4; list++)
        for (char **text = operation->arguments[list].list; *text != NULL; text++)
          total += strlen(*text);
    if (operation->code == PLAN_EXEC_FIFO || operation->code == PLAN_CONSOLE_SOCKET)
      total += strlen(operation->arguments[0].text);
    if (operation->code == PLAN_HOSTNAME || operation->code == PLAN_BUNDLE)
      total += strlen(operation->arguments[0].text);
  }
  return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct plan plan;
  struct failure why;
  char *bytes = malloc(size + 1);

  if (bytes == NULL)
    return 0;
  memcpy(bytes, data, size);
  if (plan_decode(bytes, size, &plan, &why) < 0)
    return 0;
  (void) measure(&plan);
  (void) plan_find(&plan, PLAN_ROOT);
  plan_free(&plan);
  return 0;
}
