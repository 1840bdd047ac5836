/* fuzz_live.c — namespaces_read_holder() on any text: the file is on disk, and disks lie. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../init/namespaces.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct namespaces_holder holder = {0};
  char *text = malloc(size + 1);

  if (text == NULL)
    return 0;
  if (size > 0)
    memcpy(text, data, size);
  text[size] = '\0';
  if (namespaces_read_holder(text, &holder) &&
      (holder.pid <= 0 || holder.start <= 0 || strlen(holder.boot) >= sizeof holder.boot))
    abort();
  free(text);
  return 0;
}
