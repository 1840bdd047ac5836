/* seccomp_rules.h — what TypeScript resolved of a seccomp profile, as lines without choices.
 *
 *   marmita-seccomp 1
 *   flags 4                             SECCOMP_FILTER_FLAG_… for seccomp(2)
 *   default ERRNO 1                     what meets no rule
 *   arch x86_64                         libseccomp's names; the machine's own first
 *   enosys                              newer than the newest call named: ENOSYS, not the default
 *   rule ALLOW 0 read
 *   rule ALLOW 0 clone 0:MASKED_EQ:2114060288:0
 *
 * An action and its number: KILL_PROCESS, KILL_THREAD, TRAP, ERRNO (an errno), TRACE (a message),
 * NOTIFY, LOG, ALLOW; 0 where it takes none. A condition is argument:operator:value:value, and all
 * of a rule must hold. One line each, words apart by one space. Rules come last, and only they
 * repeat beside `arch`. The parser trusts nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "failure.h"

#define SECCOMP_RULES_MAX_BYTES (1u << 20)
#define SECCOMP_MAX_ARCHES 4
#define SECCOMP_MAX_CONDITIONS 6
#define SECCOMP_MAX_NAME 63

enum seccomp_operator {
  OPERATOR_NE,
  OPERATOR_LT,
  OPERATOR_LE,
  OPERATOR_EQ,
  OPERATOR_GE,
  OPERATOR_GT,
  OPERATOR_MASKED_EQ
};

struct seccomp_condition {
  unsigned argument; /* 0 to 5 */
  enum seccomp_operator operator;
  uint64_t value;
  uint64_t value_two;
};

struct seccomp_rule {
  uint32_t action; /* SECCOMP_RET_… and its number, as a filter returns it */
  const char *name;
  size_t condition_count;
  struct seccomp_condition conditions[SECCOMP_MAX_CONDITIONS];
};

struct seccomp_rules {
  uint32_t flags;
  uint32_t default_action;
  bool newer_are_unknown; /* `enosys` */
  size_t arch_count;
  const char *arches[SECCOMP_MAX_ARCHES];
  size_t count;
  struct seccomp_rule *rules;
  char *text; /* what the names point into */
};

/* Take `text` over, which ends with a NUL at `size`: seccomp_rules_free() frees it, on failure this
 * does. EBADMSG with the line's number when it is malformed. */
int seccomp_rules_parse(char *text, size_t size, struct seccomp_rules *ret_rules,
                        struct failure *why);
void seccomp_rules_free(struct seccomp_rules *rules);
