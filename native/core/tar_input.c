/* tar_input.c — the bytes of an archive, read in blocks, with their place in every failure. */
#include <errno.h>
#include <string.h>

#include "tar_parts.h"

int input_fail(const struct input *input, const char *what, struct failure *why) {
  return fail(why, EBADMSG, "read tar at byte %llu: %s", (unsigned long long) input->consumed,
              what);
}

int input_fail_while(const struct input *input, struct failure *why) {
  return fail_while(why, "read tar at byte %llu", (unsigned long long) input->consumed);
}

int input_fill(struct input *input, struct failure *why) {
  if (input->left > 0)
    return 1;
  if (input->at_end)
    return 0;
  const int n = input->source.next(input->source.context, &input->bytes, why);
  if (n < 0)
    return n;
  input->at_end = n == 0;
  input->left = (size_t) n;
  return n > 0;
}

void input_skip(struct input *input, size_t size) {
  input->bytes += size;
  input->left -= size;
  input->consumed += size;
}

int64_t input_take(struct input *input, void *to, int64_t size, struct failure *why) {
  int64_t taken = 0;

  while (taken < size) {
    const int r = input_fill(input, why);
    if (r < 0)
      return r;
    if (r == 0)
      break;
    const int64_t wanted = size - taken;
    const size_t n = wanted < (int64_t) input->left ? (size_t) wanted : input->left;
    if (to != NULL)
      memcpy((char *) to + taken, input->bytes, n);
    input_skip(input, n);
    taken += (int64_t) n;
  }
  return taken;
}

int input_take_all(struct input *input, void *to, int64_t size, struct failure *why) {
  const int64_t taken = input_take(input, to, size, why);

  if (taken < 0)
    return (int) taken;
  return taken == size ? 0 : input_fail(input, "unexpected end", why);
}
