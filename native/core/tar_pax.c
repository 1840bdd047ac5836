/* Records of pax extended headers: "<length> <keyword>=<value>\n". */
#include <errno.h>
#include <string.h>

#include "tar_parts.h"

#define SCHILY_XATTR "SCHILY.xattr."

struct record {
  const char *key;
  char *value; /* NUL-terminated; may hold NULs */
  size_t size;
};

struct context {
  struct extended *extended;
  struct sparse *sparse;
};

typedef int setter(struct context *to, const struct record *record, struct failure *why);

static int malformed(const struct record *record, struct failure *why) {
  return fail(why, EBADMSG, "malformed pax record %.40s", record->key);
}

static int text(const struct record *record, const char **ret_text, struct failure *why) {
  if (memchr(record->value, '\0', record->size) != NULL)
    return malformed(record, why);
  *ret_text = record->size > 0 ? record->value : NULL; /* empty: as if not there */
  return 0;
}

static int number(const struct record *record, int64_t *ret_number, struct failure *why) {
  if (field_decimal(record->value, record->value + record->size, ret_number) < 0)
    return malformed(record, why);
  return 0;
}

static int count(const struct record *record, int64_t *ret_number, struct failure *why) {
  if (number(record, ret_number, why) < 0)
    return -why->errnum;
  return *ret_number < 0 ? malformed(record, why) : 0;
}

static int set_path(struct context *to, const struct record *record, struct failure *why) {
  return text(record, &to->extended->path, why);
}

static int set_link(struct context *to, const struct record *record, struct failure *why) {
  return text(record, &to->extended->link, why);
}

static int set_size(struct context *to, const struct record *record, struct failure *why) {
  to->extended->has_size = 1;
  return count(record, &to->extended->size, why);
}

static int set_uid(struct context *to, const struct record *record, struct failure *why) {
  to->extended->has_uid = 1;
  return number(record, &to->extended->uid, why);
}

static int set_gid(struct context *to, const struct record *record, struct failure *why) {
  to->extended->has_gid = 1;
  return number(record, &to->extended->gid, why);
}

/* "-1.25" is 750 ms before the second before 1970. */
static int set_mtime(struct context *to, const struct record *record, struct failure *why) {
  const char *end = record->value + record->size;
  const char *dot = memchr(record->value, '.', record->size);
  int64_t seconds;
  unsigned nanoseconds = 0;
  unsigned scale = 100000000;

  if (field_decimal(record->value, dot != NULL ? dot : end, &seconds) < 0)
    return malformed(record, why);
  for (const char *c = dot != NULL ? dot + 1 : end; c < end; c++, scale /= 10) {
    if (*c < '0' || *c > '9')
      return malformed(record, why);
    nanoseconds += (unsigned) (*c - '0') * scale; /* finer digits count nothing */
  }
  if (record->value[0] == '-' && nanoseconds > 0 && seconds > INT64_MIN) {
    seconds--;
    nanoseconds = 1000000000 - nanoseconds;
  }
  to->extended->has_mtime = 1;
  to->extended->mtime = seconds;
  to->extended->mtime_nsec = nanoseconds;
  return 0;
}

static int set_sparse_name(struct context *to, const struct record *record, struct failure *why) {
  return text(record, &to->extended->sparse_name, why);
}

static int set_sparse_major(struct context *to, const struct record *record, struct failure *why) {
  to->extended->is_sparse = 1;
  return count(record, &to->extended->sparse_major, why);
}

static int set_sparse_minor(struct context *to, const struct record *record, struct failure *why) {
  return count(record, &to->extended->sparse_minor, why);
}

static int set_real_size(struct context *to, const struct record *record, struct failure *why) {
  to->extended->is_sparse = 1;
  to->extended->has_real_size = 1;
  return count(record, &to->extended->real_size, why);
}

static int set_sparse_offset(struct context *to, const struct record *record, struct failure *why) {
  if (to->extended->pending_offset >= 0)
    return malformed(record, why);
  return count(record, &to->extended->pending_offset, why);
}

static int set_sparse_bytes(struct context *to, const struct record *record, struct failure *why) {
  int64_t size = 0;

  if (count(record, &size, why) < 0)
    return -why->errnum;
  if (to->extended->pending_offset < 0)
    return malformed(record, why);
  const int64_t offset = to->extended->pending_offset;
  to->extended->pending_offset = -1;
  to->extended->is_sparse = 1;
  return sparse_add(to->sparse, offset, size, why);
}

static int set_sparse_map(struct context *to, const struct record *record, struct failure *why) {
  const char *list = NULL;

  if (text(record, &list, why) < 0)
    return -why->errnum;
  to->extended->is_sparse = 1;
  to->sparse->count = 0;
  return list == NULL ? 0 : sparse_add_list(to->sparse, list, why);
}

static const struct keyword {
  const char *name;
  setter *set;
} keywords[] = {
    {"path", set_path},
    {"linkpath", set_link},
    {"size", set_size},
    {"uid", set_uid},
    {"gid", set_gid},
    {"mtime", set_mtime},
    {"GNU.sparse.major", set_sparse_major},
    {"GNU.sparse.minor", set_sparse_minor},
    {"GNU.sparse.name", set_sparse_name},
    {"GNU.sparse.size", set_real_size},     /* 0.0 and 0.1 */
    {"GNU.sparse.realsize", set_real_size}, /* 1.0 */
    {"GNU.sparse.offset", set_sparse_offset},
    {"GNU.sparse.numbytes", set_sparse_bytes},
    {"GNU.sparse.map", set_sparse_map},
};

/* A later record of the same name replaces the earlier one. */
static int set_xattr(struct extended *extended, const struct record *record, struct failure *why) {
  const char *name = record->key + strlen(SCHILY_XATTR);
  size_t at = 0;

  while (at < extended->xattr_count && strcmp(extended->xattrs[at].name, name) != 0)
    at++;
  if (at == TAR_XATTRS_MAX)
    return fail(why, EBADMSG, "more than %u extended attributes", TAR_XATTRS_MAX);
  if (*name == '\0')
    return malformed(record, why);
  extended->xattrs[at] = (struct tar_xattr){name, record->value, record->size};
  extended->xattr_count += at == extended->xattr_count;
  return 0;
}

static int set(struct context *to, const struct record *record, struct failure *why) {
  if (strncmp(record->key, SCHILY_XATTR, strlen(SCHILY_XATTR)) == 0)
    return set_xattr(to->extended, record, why);
  for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
    if (strcmp(record->key, keywords[i].name) == 0)
      return keywords[i].set(to, record, why);
  return 0;
}

/* One record from the front: its length in all, or -errno. */
static int parse_record(char *bytes, size_t left, struct record *ret_record, struct failure *why) {
  char *space = memchr(bytes, ' ', left < 8 ? left : 8);
  int64_t length;

  if (space == NULL || field_decimal(bytes, space, &length) < 0)
    return fail(why, EBADMSG, "malformed length of a pax record");
  if (length <= space + 1 - bytes || (uint64_t) length > left || bytes[length - 1] != '\n')
    return fail(why, EBADMSG, "wrong length of a pax record");

  char *end = bytes + length - 1;
  char *equals = memchr(space, '=', (size_t) (end - space));
  if (equals == NULL || memchr(space, '\0', (size_t) (equals - space)) != NULL)
    return fail(why, EBADMSG, "malformed pax record");
  *equals = '\0';
  *end = '\0';
  *ret_record = (struct record){space + 1, equals + 1, (size_t) (end - equals - 1)};
  return (int) length;
}

int pax_parse(char *bytes, size_t size, struct extended *extended, struct sparse *sparse,
              struct failure *why) {
  struct context to = {extended, sparse};

  for (size_t at = 0; at < size;) {
    struct record record = {"", bytes, 0};
    const int length = parse_record(bytes + at, size - at, &record, why);

    if (length < 0)
      return length;
    if (set(&to, &record, why) < 0)
      return -why->errnum;
    at += (size_t) length;
  }
  return 0;
}
