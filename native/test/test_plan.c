/* test_plan.c — plans that are whole, cut short, or made up. */
#include "../core/plan.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "tap.h"

struct bytes {
  char text[512];
  size_t size;
};

static void put_u32(struct bytes *bytes, uint32_t value) {
  memcpy(bytes->text + bytes->size, &value, sizeof value);
  bytes->size += sizeof value;
}

static void put_u64(struct bytes *bytes, uint64_t value) {
  memcpy(bytes->text + bytes->size, &value, sizeof value);
  bytes->size += sizeof value;
}

static void put_text(struct bytes *bytes, const char *text) {
  put_u32(bytes, (uint32_t) strlen(text));
  memcpy(bytes->text + bytes->size, text, strlen(text) + 1);
  bytes->size += strlen(text) + 1;
}

static struct bytes header(uint32_t version, uint32_t count) {
  struct bytes bytes = {.text = "MPLN", .size = 4};

  put_u32(&bytes, version);
  put_u32(&bytes, count);
  return bytes;
}

/* plan_decode() owns what it is given: each try gets a copy, as large as the bytes and no more. */
static int decode(const struct bytes *bytes, size_t size, struct plan *ret_plan) {
  struct failure why;
  char *copy = malloc(size > 0 ? size : 1);

  memcpy(copy, bytes->text, size);
  return plan_decode(copy, size, ret_plan, &why);
}

static struct bytes example(void) {
  struct bytes bytes = header(PLAN_VERSION, 3);

  put_u32(&bytes, PLAN_HOSTNAME);
  put_text(&bytes, "box");
  put_u32(&bytes, PLAN_UMASK);
  put_u64(&bytes, 022);
  put_u32(&bytes, PLAN_COMMAND);
  put_u32(&bytes, 2);
  put_text(&bytes, "echo");
  put_text(&bytes, "");
  return bytes;
}

static void reads_back(void) {
  const struct bytes bytes = example();
  struct plan plan;

  is_int(decode(&bytes, bytes.size, &plan), 0, "a plan is read");
  is_int((long) plan.count, 3, "with every operation");
  is_text(plan_text(&plan, PLAN_HOSTNAME), "box", "and its texts");
  is_int((long) plan_find(&plan, PLAN_UMASK)->arguments[0].number, 022, "its numbers");
  char **command = plan_find(&plan, PLAN_COMMAND)->arguments[0].list;
  is_text(command[0], "echo", "its lists");
  is_text(command[1], "", "with empty texts in them");
  is_int(command[2] == NULL, 1, "that end");
  is_int(plan_find(&plan, PLAN_PIVOT) == NULL, 1, "and nothing that is not there");
  plan_free(&plan);
}

static void refuses_every_cut(void) {
  const struct bytes bytes = example();
  struct plan plan;
  int refused = 1;

  for (size_t size = 0; size < bytes.size; size++)
    refused &= decode(&bytes, size, &plan) == -EBADMSG;
  is_int(refused, 1, "a plan cut short anywhere is refused");
}

static void refuses_lies(void) {
  struct bytes bytes = header(PLAN_VERSION + 1, 0);
  struct plan plan;

  is_int(decode(&bytes, bytes.size, &plan), -EBADMSG, "another version is refused");

  bytes = header(PLAN_VERSION, UINT32_MAX);
  is_int(decode(&bytes, bytes.size, &plan), -EBADMSG, "so are 4 billion operations");

  bytes = header(PLAN_VERSION, 1);
  put_u32(&bytes, 31);
  is_int(decode(&bytes, bytes.size, &plan), -EBADMSG, "an unknown operation");

  bytes = header(PLAN_VERSION, 1);
  put_u32(&bytes, PLAN_COMMAND);
  put_u32(&bytes, UINT32_MAX);
  is_int(decode(&bytes, bytes.size, &plan), -EBADMSG, "a list of 4 billion texts");

  bytes = header(PLAN_VERSION, 1);
  put_u32(&bytes, PLAN_HOSTNAME);
  put_u32(&bytes, 3);
  memcpy(bytes.text + bytes.size, "a\0b", 4);
  bytes.size += 4;
  is_int(decode(&bytes, bytes.size, &plan), -EBADMSG, "a text with a NUL inside");

  bytes = example();
  bytes.size++;
  is_int(decode(&bytes, bytes.size, &plan), -EBADMSG, "bytes after the end");
}

int main(void) {
  reads_back();
  refuses_every_cut();
  refuses_lies();
  return done_testing();
}
