#include "passwd.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MAX_FIELDS 7

/* One line, cut at its colons: fields are spans of the text, never copied. */
struct span {
  const char *at;
  size_t length;
};

struct line {
  struct span fields[MAX_FIELDS];
  size_t count;
};

static const char *next_line(const char *text, struct line *ret_line) {
  const char *end = strchrnul(text, '\n');
  const char *from = text;

  ret_line->count = 0;
  while (ret_line->count < MAX_FIELDS) {
    const char *colon = memchr(from, ':', (size_t) (end - from));
    const char *to = colon == NULL ? end : colon;

    ret_line->fields[ret_line->count++] = (struct span){from, (size_t) (to - from)};
    if (colon == NULL)
      break;
    from = colon + 1;
  }
  return *end == '\0' ? end : end + 1;
}

static bool span_is(struct span span, const char *text, size_t length) {
  return span.length == length && memcmp(span.at, text, length) == 0;
}

static bool is_numeric(struct span span) {
  for (size_t i = 0; i < span.length; i++)
    if (span.at[i] < '0' || span.at[i] > '9')
      return false;
  return span.length > 0;
}

/* (uid_t) -1 means "leave as it is" to setresuid(2): no id. */
static bool parse_id(struct span span, uint32_t *ret_id) {
  uint64_t value = 0;

  if (!is_numeric(span) || span.length > 10)
    return false;
  for (size_t i = 0; i < span.length; i++)
    value = value * 10 + (uint64_t) (span.at[i] - '0');
  if (value >= UINT32_MAX)
    return false;
  *ret_id = (uint32_t) value;
  return true;
}

/* name:password:uid:gid:gecos:home:shell. A number is never a name: an image that asks for user
 * 1000 does not become root by a root of that name. */
static bool find_user(const char *passwd, struct span who, struct line *ret_line) {
  struct line line;
  uint32_t wanted = 0, uid = 0, gid = 0;
  const bool is_number = is_numeric(who);

  if (is_number && !parse_id(who, &wanted))
    return false;
  for (const char *text = passwd; *text != '\0';) {
    text = next_line(text, &line);
    if (line.count < 4 || !parse_id(line.fields[2], &uid) || !parse_id(line.fields[3], &gid))
      continue;
    if (is_number ? uid == wanted : span_is(line.fields[0], who.at, who.length)) {
      *ret_line = line;
      return true;
    }
  }
  return false;
}

/* name:password:gid:members */
static bool find_group(const char *group, struct span who, gid_t *ret_gid) {
  struct line line;
  uint32_t gid;

  if (is_numeric(who))
    return parse_id(who, ret_gid);
  for (const char *text = group; *text != '\0';) {
    text = next_line(text, &line);
    if (line.count >= 3 && span_is(line.fields[0], who.at, who.length) &&
        parse_id(line.fields[2], &gid)) {
      *ret_gid = gid;
      return true;
    }
  }
  return false;
}

static bool lists_member(struct span members, struct span name) {
  const char *end = members.at + members.length;

  for (const char *from = members.at; from < end;) {
    const char *comma = memchr(from, ',', (size_t) (end - from));
    const char *to = comma == NULL ? end : comma;

    if (span_is(name, from, (size_t) (to - from)))
      return true;
    from = to + 1;
  }
  return false;
}

static int add_group(struct identity *identity, gid_t gid, struct failure *why) {
  for (size_t i = 0; i < identity->group_count; i++)
    if (identity->groups[i] == gid)
      return 0;
  if (identity->group_count == PASSWD_MAX_GROUPS)
    return fail(why, EOPNOTSUPP, "find groups: more than %d", PASSWD_MAX_GROUPS);
  identity->groups[identity->group_count++] = gid;
  return 0;
}

static int add_memberships(const char *group, struct span name, struct identity *identity,
                           struct failure *why) {
  struct line line;
  uint32_t gid = 0;

  for (const char *text = group; *text != '\0';) {
    text = next_line(text, &line);
    if (line.count < 4 || !parse_id(line.fields[2], &gid) || !lists_member(line.fields[3], name))
      continue;
    const int r = add_group(identity, gid, why);
    if (r < 0)
      return r;
  }
  return 0;
}

static int no_such(struct failure *why, const char *kind, struct span who) {
  return fail(why, ENOENT, "find %s %.*s in the container", kind,
              who.length > 128 ? 128 : (int) who.length, who.at);
}

/* `ret_name` is the name that /etc/group knows the user by; empty without a line. */
static int resolve_user(struct span who, const struct accounts *accounts, struct identity *identity,
                        struct span *ret_name, struct failure *why) {
  struct line line;

  *ret_name = (struct span){"", 0};
  if (!find_user(accounts->passwd, who, &line))
    return parse_id(who, &identity->uid) ? 0 : no_such(why, "user", who);

  (void) parse_id(line.fields[2], &identity->uid); /* find_user() has checked both */
  (void) parse_id(line.fields[3], &identity->gid);
  if (line.count >= 6 && line.fields[5].length > 0 &&
      line.fields[5].length < sizeof identity->home) {
    memcpy(identity->home, line.fields[5].at, line.fields[5].length);
    identity->home[line.fields[5].length] = '\0';
  }
  *ret_name = line.fields[0];
  return 0;
}

static int add_further(char *const *names, const struct accounts *accounts,
                       struct identity *identity, struct failure *why) {
  for (; *names != NULL; names++) {
    const struct span group = {*names, strlen(*names)};
    gid_t gid = 0;

    if (!find_group(accounts->group, group, &gid))
      return no_such(why, "group", group);
    if (add_group(identity, gid, why) < 0)
      return -why->errnum;
  }
  return 0;
}

int passwd_resolve(const char *user, char *const *further, const struct accounts *accounts,
                   struct identity *ret_identity, struct failure *why) {
  const char *colon = strchr(user, ':');
  const struct span who = {user, colon == NULL ? strlen(user) : (size_t) (colon - user)};
  const struct span root = {"0", 1};
  struct span name;
  int r;

  memset(ret_identity, 0, sizeof *ret_identity);
  strcpy(ret_identity->home, "/");
  r = resolve_user(who.length == 0 ? root : who, accounts, ret_identity, &name, why);
  if (r < 0)
    return r;

  if (colon != NULL && colon[1] != '\0') {
    const struct span group = {colon + 1, strlen(colon + 1)};

    if (!find_group(accounts->group, group, &ret_identity->gid))
      return no_such(why, "group", group);
  }
  /* Were the primary group not among them, a file could be denied to it by giving the group fewer
   * rights than others have, and the command could drop the group to get in (CVE-2022-36109). */
  r = add_group(ret_identity, ret_identity->gid, why);
  if (r == 0 && colon == NULL && name.length > 0)
    r = add_memberships(accounts->group, name, ret_identity, why);
  return r < 0 ? r : add_further(further, accounts, ret_identity, why);
}
