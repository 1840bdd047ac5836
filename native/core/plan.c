#include "plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"

static const struct row {
  enum plan_code code;
  const char *name;
  const char *signature;
} rows[] = {
#define PLAN_ROW(code, name, text, signature) {PLAN_##name, text, signature},
    PLAN_OPERATIONS(PLAN_ROW)
#undef PLAN_ROW
};

struct reader {
  char *bytes;
  size_t size;
  size_t at;
  char **texts; /* the next free slot for a list's text */
  size_t left;  /* free slots */
};

static int malformed(struct failure *why, const char *what) {
  return fail(why, EBADMSG, "read plan: %s", what);
}

static int take_u32(struct reader *reader, uint32_t *ret_value, struct failure *why) {
  if (reader->size - reader->at < sizeof *ret_value)
    return malformed(why, "cut short");
  memcpy(ret_value, reader->bytes + reader->at, sizeof *ret_value);
  reader->at += sizeof *ret_value;
  return 0;
}

static int take_number(struct reader *reader, uint64_t *ret_value, struct failure *why) {
  if (reader->size - reader->at < sizeof *ret_value)
    return malformed(why, "cut short");
  memcpy(ret_value, reader->bytes + reader->at, sizeof *ret_value);
  reader->at += sizeof *ret_value;
  return 0;
}

static int take_text(struct reader *reader, char **ret_text, struct failure *why) {
  uint32_t length = 0;
  int r;

  r = take_u32(reader, &length, why);
  if (r < 0)
    return r;
  if (reader->size - reader->at <= length)
    return malformed(why, "text longer than the plan");

  char *text = reader->bytes + reader->at;
  if (text[length] != '\0' || memchr(text, '\0', length) != NULL)
    return malformed(why, "text with a NUL inside, or none at its end");
  reader->at += (size_t) length + 1;
  *ret_text = text;
  return 0;
}

static int take_list(struct reader *reader, char ***ret_list, struct failure *why) {
  uint32_t count = 0;
  int r;

  r = take_u32(reader, &count, why);
  if (r < 0)
    return r;
  if (reader->left <= count)
    return malformed(why, "list longer than the plan");

  char **list = reader->texts;
  reader->texts += (size_t) count + 1;
  reader->left -= (size_t) count + 1;
  for (uint32_t i = 0; i < count; i++) {
    r = take_text(reader, &list[i], why);
    if (r < 0)
      return r;
  }
  list[count] = NULL;
  *ret_list = list;
  return 0;
}

static int take_argument(struct reader *reader, char letter, union argument *ret_argument,
                         struct failure *why) {
  char *text = NULL;
  int r;

  if (letter == 'n')
    return take_number(reader, &ret_argument->number, why);
  if (letter == 'l')
    return take_list(reader, &ret_argument->list, why);
  r = take_text(reader, &text, why);
  if (r < 0)
    return r;
  ret_argument->text = text;
  return 0;
}

static const struct row *find_row(uint32_t code) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if ((uint32_t) rows[i].code == code)
      return &rows[i];
  return NULL;
}

static int take_operation(struct reader *reader, struct operation *ret_operation,
                          struct failure *why) {
  uint32_t code = 0;
  int r;

  r = take_u32(reader, &code, why);
  if (r < 0)
    return r;
  const struct row *row = find_row(code);
  if (row == NULL)
    return fail(why, EBADMSG, "read plan: operation %u", code);

  ret_operation->code = row->code;
  for (size_t i = 0; row->signature[i] != '\0'; i++) {
    r = take_argument(reader, row->signature[i], &ret_operation->arguments[i], why);
    if (r < 0)
      return r;
  }
  return 0;
}

static int take_header(struct reader *reader, uint32_t *ret_count, struct failure *why) {
  uint32_t version = 0;
  int r;

  if (reader->size < 4 || memcmp(reader->bytes, "MPLN", 4) != 0)
    return malformed(why, "not a plan");
  reader->at = 4;
  r = take_u32(reader, &version, why);
  if (r < 0)
    return r;
  if (version != PLAN_VERSION)
    return fail(why, EBADMSG, "read plan: version %u, this helper knows %d", version, PLAN_VERSION);

  r = take_u32(reader, ret_count, why);
  if (r < 0)
    return r;
  /* An operation has a code: more of them than that cannot be in there. */
  if (*ret_count > PLAN_MAX_OPERATIONS || *ret_count > reader->size / sizeof(uint32_t))
    return malformed(why, "more operations than the plan has room for");
  return 0;
}

static int decode(struct reader *reader, struct plan *plan, struct failure *why) {
  uint32_t count = 0;
  int r;

  r = take_header(reader, &count, why);
  if (r < 0)
    return r;

  /* A list is at least a count, a text at least a length: so many slots always do. */
  reader->left = reader->size / sizeof(uint32_t) + 1;
  plan->texts = calloc(reader->left, sizeof *plan->texts);
  plan->operations = calloc(count > 0 ? count : 1, sizeof *plan->operations);
  if (plan->texts == NULL || plan->operations == NULL)
    return fail(why, ENOMEM, "read plan");
  reader->texts = plan->texts;

  for (; plan->count < count; plan->count++) {
    r = take_operation(reader, &plan->operations[plan->count], why);
    if (r < 0)
      return r;
  }
  return reader->at == reader->size ? 0 : malformed(why, "bytes after the last operation");
}

int plan_decode(char *bytes, size_t size, struct plan *ret_plan, struct failure *why) {
  struct plan plan = {.bytes = bytes};
  struct reader reader = {.bytes = bytes, .size = size};
  const int r = decode(&reader, &plan, why);

  if (r < 0) {
    plan_free(&plan);
    return r;
  }
  *ret_plan = plan;
  return 0;
}

int plan_read(const char *path, struct plan *ret_plan, struct failure *why) {
  char *bytes = NULL;
  size_t size = 0;
  const int r = fd_read_file(AT_FDCWD, path, PLAN_MAX_BYTES, &bytes, &size, why);

  return r < 0 ? r : plan_decode(bytes, size, ret_plan, why);
}

void plan_free(struct plan *plan) {
  free(plan->operations);
  free(plan->texts);
  free(plan->bytes);
  *plan = (struct plan){0};
}

const struct operation *plan_find(const struct plan *plan, enum plan_code code) {
  for (size_t i = 0; i < plan->count; i++)
    if (plan->operations[i].code == code)
      return &plan->operations[i];
  return NULL;
}

const char *plan_text(const struct plan *plan, enum plan_code code) {
  const struct operation *operation = plan_find(plan, code);

  return operation == NULL ? NULL : operation->arguments[0].text;
}

const char *plan_name(enum plan_code code) {
  const struct row *row = find_row((uint32_t) code);

  return row == NULL ? "?" : row->name;
}
