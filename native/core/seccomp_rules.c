#include "seccomp_rules.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_LINE "marmita-seccomp 1"

struct reader {
  char *next; /* the lines not read yet, NULL after the last */
  unsigned line;
  char *words; /* what is left of the line, NULL when nothing is */
  struct failure *why;
};

static int malformed(const struct reader *reader, const char *what) {
  return fail(reader->why, EBADMSG, "read seccomp rules: line %u: %s", reader->line, what);
}

/* The next line, its end cut off; false after the last. */
static bool take_line(struct reader *reader) {
  char *line = reader->next;

  if (line == NULL || *line == '\0')
    return false;
  char *end = strchr(line, '\n');
  if (end != NULL)
    *end = '\0';
  reader->next = end == NULL ? NULL : end + 1;
  reader->words = line;
  reader->line++;
  return true;
}

/* The next word, "" when there is none: no word of the format is empty. */
static const char *take_word(struct reader *reader) {
  char *word = reader->words;

  if (word == NULL)
    return "";
  char *end = strchr(word, ' ');
  if (end != NULL)
    *end = '\0';
  reader->words = end == NULL ? NULL : end + 1;
  return word;
}

/* Decimal digits only: strtoull() would take signs and spaces. */
static bool parse_number(const char *text, size_t size, uint64_t most, uint64_t *ret_number) {
  uint64_t number = 0;

  if (size == 0)
    return false;
  for (size_t i = 0; i < size; i++) {
    if (text[i] < '0' || text[i] > '9')
      return false;
    const uint64_t digit = (uint64_t) (text[i] - '0');
    if (digit > most || number > (most - digit) / 10)
      return false;
    number = number * 10 + digit;
  }
  *ret_number = number;
  return true;
}

static int take_number(struct reader *reader, uint64_t most, uint64_t *ret_number) {
  const char *word = take_word(reader);

  if (!parse_number(word, strlen(word), most, ret_number))
    return malformed(reader, "no number, or one too large");
  return 0;
}

static const struct {
  const char *name;
  uint32_t value;
  uint32_t most; /* its largest number */
} actions[] = {
    {"KILL_PROCESS", SECCOMP_RET_KILL_PROCESS, 0},
    {"KILL_THREAD", SECCOMP_RET_KILL_THREAD, 0},
    {"TRAP", SECCOMP_RET_TRAP, 0},
    {"ERRNO", SECCOMP_RET_ERRNO, 4095}, /* MAX_ERRNO of the kernel */
    {"TRACE", SECCOMP_RET_TRACE, SECCOMP_RET_DATA},
    {"NOTIFY", SECCOMP_RET_USER_NOTIF, 0},
    {"LOG", SECCOMP_RET_LOG, 0},
    {"ALLOW", SECCOMP_RET_ALLOW, 0},
};

static int take_action(struct reader *reader, uint32_t *ret_action) {
  const char *word = take_word(reader);
  uint64_t number = 0;

  for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
    if (strcmp(word, actions[i].name) != 0)
      continue;
    const int r = take_number(reader, actions[i].most, &number);
    if (r < 0)
      return r;
    *ret_action = actions[i].value | (uint32_t) number;
    return 0;
  }
  return malformed(reader, "no such action");
}

/* A name of a system call or an architecture. */
static int take_name(struct reader *reader, const char **ret_name) {
  const char *word = take_word(reader);
  const size_t size =
      strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");

  if (size == 0 || size > SECCOMP_MAX_NAME || word[size] != '\0')
    return malformed(reader, "no name");
  *ret_name = word;
  return 0;
}

static const char *const operators[] = {
    [OPERATOR_NE] = "NE",
    [OPERATOR_LT] = "LT",
    [OPERATOR_LE] = "LE",
    [OPERATOR_EQ] = "EQ",
    [OPERATOR_GE] = "GE",
    [OPERATOR_GT] = "GT",
    [OPERATOR_MASKED_EQ] = "MASKED_EQ",
};

static bool parse_operator(const char *text, size_t size, enum seccomp_operator *ret_operator) {
  for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
    if (strlen(operators[i]) != size || memcmp(operators[i], text, size) != 0)
      continue;
    *ret_operator = (enum seccomp_operator) i;
    return true;
  }
  return false;
}

/* 0:MASKED_EQ:2114060288:0 */
static bool parse_condition(const char *word, struct seccomp_condition *ret_condition) {
  const char *parts[4];
  size_t sizes[4];
  uint64_t argument = 0;

  for (size_t i = 0; i < 4; i++) {
    if (word == NULL)
      return false;
    parts[i] = word;
    sizes[i] = strcspn(word, ":");
    word = word[sizes[i]] == ':' ? word + sizes[i] + 1 : NULL;
  }
  if (word != NULL || !parse_number(parts[0], sizes[0], 5, &argument))
    return false;
  ret_condition->argument = (unsigned) argument;
  return parse_operator(parts[1], sizes[1], &ret_condition->operator) &&
         parse_number(parts[2], sizes[2], UINT64_MAX, &ret_condition->value) &&
         parse_number(parts[3], sizes[3], UINT64_MAX, &ret_condition->value_two);
}

static int take_rule(struct reader *reader, struct seccomp_rule *ret_rule) {
  int r;

  r = take_action(reader, &ret_rule->action);
  if (r < 0)
    return r;
  r = take_name(reader, &ret_rule->name);
  if (r < 0)
    return r;
  while (reader->words != NULL) {
    if (ret_rule->condition_count == SECCOMP_MAX_CONDITIONS)
      return malformed(reader, "too many conditions");
    if (!parse_condition(take_word(reader), &ret_rule->conditions[ret_rule->condition_count++]))
      return malformed(reader, "no condition");
  }
  return 0;
}

static int take_arch(struct reader *reader, struct seccomp_rules *rules) {
  if (rules->arch_count == SECCOMP_MAX_ARCHES)
    return malformed(reader, "too many architectures");
  return take_name(reader, &rules->arches[rules->arch_count++]);
}

static int take_head(struct reader *reader, const char *word, struct seccomp_rules *rules,
                     bool *has_default) {
  uint64_t flags = 0;

  if (strcmp(word, "default") == 0 && !*has_default) {
    *has_default = true;
    return take_action(reader, &rules->default_action);
  }
  if (strcmp(word, "arch") == 0)
    return take_arch(reader, rules);
  if (strcmp(word, "enosys") == 0) {
    rules->newer_are_unknown = true;
    return 0;
  }
  if (strcmp(word, "flags") != 0)
    return malformed(reader, "no such word, or a second of a kind");
  const int r = take_number(reader, UINT32_MAX, &flags);
  rules->flags = (uint32_t) flags;
  return r;
}

static int parse(struct reader *reader, struct seccomp_rules *rules) {
  bool has_default = false;

  if (!take_line(reader) || strcmp(reader->words, FIRST_LINE) != 0)
    return malformed(reader, "not rules of this version");
  while (take_line(reader)) {
    const char *word = take_word(reader);
    const bool is_rule = strcmp(word, "rule") == 0;

    if (!is_rule && rules->count > 0)
      return malformed(reader, "something else after a rule");
    const int r = is_rule ? take_rule(reader, &rules->rules[rules->count++])
                          : take_head(reader, word, rules, &has_default);
    if (r < 0)
      return r;
    if (reader->words != NULL)
      return malformed(reader, "something after its end");
  }
  if (!has_default || rules->arch_count == 0)
    return malformed(reader, "no default action, or no architecture");
  return 0;
}

/* "rule LOG 0 x\n": none is shorter, but the one that ends the reading. */
#define SHORTEST_RULE 13

int seccomp_rules_parse(char *text, size_t size, struct seccomp_rules *ret_rules,
                        struct failure *why) {
  struct seccomp_rules rules = {.text = text};
  struct reader reader = {.next = text, .why = why};
  int r;

  rules.rules = calloc(size / SHORTEST_RULE + 2, sizeof *rules.rules);
  if (rules.rules == NULL)
    r = fail(why, ENOMEM, "read seccomp rules");
  else if (size > SECCOMP_RULES_MAX_BYTES || strlen(text) != size)
    r = fail(why, EBADMSG, "read seccomp rules: too long, or a NUL inside");
  else
    r = parse(&reader, &rules);

  if (r < 0) {
    seccomp_rules_free(&rules);
    return r;
  }
  *ret_rules = rules;
  return 0;
}

void seccomp_rules_free(struct seccomp_rules *rules) {
  free(rules->rules);
  free(rules->text);
  *rules = (struct seccomp_rules){0};
}
