/* test_seccomp_rules.c — lines of rules that lie. */
#include "../core/seccomp_rules.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>

#include "tap.h"

#define HEAD "marmita-seccomp 1\nflags 4\ndefault ERRNO 1\narch x86_64\n"

static int parse_bytes(const char *bytes, size_t size, struct seccomp_rules *ret_rules) {
  struct failure why = {0};
  char *text = malloc(size + 1);

  if (text == NULL)
    return -ENOMEM;
  memcpy(text, bytes, size);
  text[size] = '\0';
  return seccomp_rules_parse(text, size, ret_rules, &why);
}

static void is_parsed(const char *text, int wanted, const char *name) {
  struct seccomp_rules rules;
  const int r = parse_bytes(text, strlen(text), &rules);

  is_int(r, wanted, name);
  if (r == 0)
    seccomp_rules_free(&rules);
}

static void test_whole(void) {
  struct seccomp_rules rules;
  const char *text =
      HEAD "arch x32\nenosys\nrule ALLOW 0 read\n"
           "rule ERRNO 38 clone3\n"
           "rule TRACE 65535 clone 0:MASKED_EQ:2114060288:7 5:NE:18446744073709551615:0\n";

  is_int(parse_bytes(text, strlen(text), &rules), 0, "rules are read");
  is_int(rules.flags, 4, "their flags");
  is_int(rules.default_action, SECCOMP_RET_ERRNO | 1, "their default action");
  is_int((long) rules.arch_count, 2, "their architectures");
  is_text(rules.arches[1], "x32", "the second of them");
  is_int(rules.newer_are_unknown, 1, "that newer calls are unknown");
  is_int((long) rules.count, 3, "every rule");
  is_text(rules.rules[0].name, "read", "its name");
  is_int(rules.rules[1].action, SECCOMP_RET_ERRNO | 38, "its action");
  is_int((long) rules.rules[2].condition_count, 2, "its conditions");
  is_int(rules.rules[2].conditions[0].operator, OPERATOR_MASKED_EQ, "what they compare by");
  is_int((long) rules.rules[2].conditions[0].value_two, 7, "their second value");
  is_int(rules.rules[2].conditions[1].argument, 5, "which argument");
  is_int(rules.rules[2].conditions[1].value == UINT64_MAX, 1, "the largest value there is");
  seccomp_rules_free(&rules);
}

static void test_odd(void) {
  is_parsed(HEAD, 0, "no rule at all is fine");
  is_parsed("marmita-seccomp 1\ndefault ALLOW 0\narch aarch64", 0, "so is a last line without end");
  is_parsed("", -EBADMSG, "nothing is not");
  is_parsed("marmita-seccomp 2\ndefault ALLOW 0\narch x86\n", -EBADMSG, "nor is another version");
  is_parsed("marmita-seccomp 1\narch x86\n", -EBADMSG, "nor rules without a default");
  is_parsed("marmita-seccomp 1\ndefault ALLOW 0\n", -EBADMSG, "nor rules for no architecture");
  is_parsed(HEAD "default ALLOW 0\n", -EBADMSG, "nor two defaults");
  is_parsed(HEAD "arch a\narch b\narch c\narch d\n", -EBADMSG, "nor five architectures");
  is_parsed(HEAD "rule ALLOW 0 read\nenosys\n", -EBADMSG, "nor something after the rules");
  is_parsed(HEAD "rules ALLOW 0 read\n", -EBADMSG, "nor an unknown word");
  is_parsed(HEAD "\n", -EBADMSG, "nor an empty line");
  is_parsed(HEAD "rule\n", -EBADMSG, "nor a rule of nothing");
  is_parsed(HEAD "rule ASK 0 read\n", -EBADMSG, "nor an unknown action");
  is_parsed(HEAD "rule ALLOW 1 read\n", -EBADMSG, "nor a number for what has none");
  is_parsed(HEAD "rule ERRNO 4096 read\n", -EBADMSG, "nor an errno that is too large");
  is_parsed(HEAD "rule ERRNO -1 read\n", -EBADMSG, "nor a negative one");
  is_parsed(HEAD "rule ERRNO +1 read\n", -EBADMSG, "nor a sign");
  is_parsed(HEAD "rule ERRNO 0x1 read\n", -EBADMSG, "nor hexadecimal");
  is_parsed(HEAD "rule ALLOW 0 \n", -EBADMSG, "nor an empty name");
  is_parsed(HEAD "rule ALLOW 0 re-ad\n", -EBADMSG, "nor a name with other letters");
  is_parsed(HEAD "rule ALLOW 0 read \n", -EBADMSG, "nor a blank at its end");
  is_parsed(HEAD "rule ALLOW  0 read\n", -EBADMSG, "nor two blanks");
  is_parsed(HEAD "rule ALLOW 0 read 6:EQ:0:0\n", -EBADMSG, "nor a seventh argument");
  is_parsed(HEAD "rule ALLOW 0 read 0:XX:0:0\n", -EBADMSG, "nor an unknown comparison");
  is_parsed(HEAD "rule ALLOW 0 read 0:EQ:0\n", -EBADMSG, "nor a condition cut short");
  is_parsed(HEAD "rule ALLOW 0 read 0:EQ:0:0:0\n", -EBADMSG, "nor one too long");
  is_parsed(HEAD "rule ALLOW 0 read 0:EQ:18446744073709551616:0\n", -EBADMSG, "nor 2 to the 64");
  is_parsed(HEAD "rule ALLOW 0 r 0:EQ:1:0 0:EQ:1:0 0:EQ:1:0 0:EQ:1:0 0:EQ:1:0 0:EQ:1:0 0:EQ:1:0\n",
            -EBADMSG, "nor seven conditions");
}

static void test_bytes(void) {
  static char long_name[200] = HEAD "rule ALLOW 0 ";
  struct seccomp_rules rules;

  memset(long_name + strlen(long_name), 'a', SECCOMP_MAX_NAME + 1);
  is_parsed(long_name, -EBADMSG, "nor a name that is too long");
  is_int(parse_bytes("marmita-seccomp 1\n\0", 19, &rules), -EBADMSG, "nor a zero byte");

  char *lines = malloc(SECCOMP_RULES_MAX_BYTES + 2);
  if (lines == NULL)
    return;
  memset(lines, '\n', SECCOMP_RULES_MAX_BYTES + 1);
  is_int(parse_bytes(lines, SECCOMP_RULES_MAX_BYTES + 1, &rules), -EBADMSG, "nor too many bytes");
  is_int(parse_bytes(lines, SECCOMP_RULES_MAX_BYTES, &rules), -EBADMSG, "nor a million lines");
  free(lines);
}

int main(void) {
  test_whole();
  test_odd();
  test_bytes();
  return done_testing();
}
