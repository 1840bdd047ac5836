/* fuzz_orders.c — orders of clients that are none: one to a line, for a container between two runs.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../init/orders.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const struct plan plan = {0};
  struct keeper keeper = {
      .plan = &plan, .live = -1, .pidfd = -1, .node = -1, .signals = -1, .host_terminal = -1};
  struct failure why;
  char *text = calloc(size + 1, 1);
  char *rest = text;

  if (text == NULL)
    return 0;
  if (size > 0)
    memcpy(text, data, size);
  for (char *order = strsep(&rest, "\n"); order != NULL; order = strsep(&rest, "\n"))
    if (orders_obey(&keeper, order, &why) == 0 && keeper.kill_at_ms < 0)
      abort();
  free(text);
  return 0;
}
