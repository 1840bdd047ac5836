/* seccomp.c — seccomp FILE: the rules on stdin become a filter in a new file.
 *
 * A verb of its own, once for each set of rules: the keeper and the child of a container have
 * nothing to do with libseccomp, they read the file.
 */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/fd.h"
#include "../core/seccomp.h"
#include "../core/seccomp_rules.h"
#include "report.h"
#include "seccomp_stub.h"
#include "verb.h"

/* From so many rules on a tree of comparisons is shorter than a list (and libseccomp up to 2.5.4
 * makes a broken one of none). */
#define RULES_FOR_A_TREE 32

static int add_arches(scmp_filter_ctx filter, const struct seccomp_rules *rules,
                      uint32_t tokens[SECCOMP_MAX_ARCHES], struct failure *why) {
  for (size_t i = 0; i < rules->arch_count; i++) {
    tokens[i] = seccomp_arch_resolve_name(rules->arches[i]);
    if (tokens[i] == 0)
      return fail(why, EBADMSG, "compile seccomp rules: architecture %s", rules->arches[i]);
    if (i == 0 && tokens[i] != seccomp_arch_native())
      return fail(why, EBADMSG, "compile seccomp rules: %s is not this machine's architecture",
                  rules->arches[i]);
    const int r = seccomp_arch_add(filter, tokens[i]);
    if (r < 0 && r != -EEXIST)
      return fail(why, -r, "compile seccomp rules: architecture %s", rules->arches[i]);
  }
  return 0;
}

static enum scmp_compare comparison(enum seccomp_operator operator) {
  static const enum scmp_compare comparisons[] = {
      [OPERATOR_NE] = SCMP_CMP_NE,
      [OPERATOR_LT] = SCMP_CMP_LT,
      [OPERATOR_LE] = SCMP_CMP_LE,
      [OPERATOR_EQ] = SCMP_CMP_EQ,
      [OPERATOR_GE] = SCMP_CMP_GE,
      [OPERATOR_GT] = SCMP_CMP_GT,
      [OPERATOR_MASKED_EQ] = SCMP_CMP_MASKED_EQ,
  };

  return comparisons[operator];
}

static int add_rule(scmp_filter_ctx filter, const struct seccomp_rule *rule, struct failure *why) {
  struct scmp_arg_cmp conditions[SECCOMP_MAX_CONDITIONS];
  const int number = seccomp_syscall_resolve_name(rule->name);

  /* Unknown to this libseccomp: the stub's, or nobody's. */
  if (number == __NR_SCMP_ERROR)
    return 0;
  for (size_t i = 0; i < rule->condition_count; i++)
    conditions[i] = (struct scmp_arg_cmp){
        .arg = rule->conditions[i].argument,
        .op = comparison(rule->conditions[i].operator),
        .datum_a = rule->conditions[i].value,
        .datum_b = rule->conditions[i].value_two,
    };
  const int r = seccomp_rule_add_array(filter, rule->action, number,
                                       (unsigned) rule->condition_count, conditions);
  if (r < 0 && r != -EEXIST)
    return fail(why, -r, "compile seccomp rules: %s", rule->name);
  return 0;
}

static int add_rules(scmp_filter_ctx filter, const struct seccomp_rules *rules,
                     struct failure *why) {
  int r;

  if (rules->count > RULES_FOR_A_TREE)
    (void) seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* since 2.5 */
  for (size_t i = 0; i < rules->count; i++) {
    if (rules->rules[i].action == rules->default_action)
      continue; /* libseccomp refuses what says nothing new */
    r = add_rule(filter, &rules->rules[i], why);
    if (r < 0)
      return r;
  }
  return 0;
}

/* libseccomp writes to descriptors only. */
static int export(scmp_filter_ctx filter, struct sock_filter *instructions, size_t room,
                  size_t *ret_count, struct failure *why) {
  autoclose int fd = memfd_create("seccomp", MFD_CLOEXEC);
  struct stat status;

  if (fd < 0)
    return fail(why, errno, "compile seccomp rules: memory");
  const int r = seccomp_export_bpf(filter, fd);
  if (r < 0)
    return fail(why, -r, "compile seccomp rules");
  if (fstat(fd, &status) < 0)
    return fail(why, errno, "compile seccomp rules: stat");

  const size_t size = (size_t) status.st_size;
  if (size / sizeof *instructions > room)
    return fail(why, E2BIG, "compile seccomp rules: %zu instructions, the kernel takes %d",
                size / sizeof *instructions, BPF_MAXINSNS);
  if (pread(fd, instructions, size, 0) != (ssize_t) size)
    return fail(why, EIO, "compile seccomp rules: read back");
  *ret_count = size / sizeof *instructions;
  return 0;
}

struct program {
  size_t count;
  struct sock_filter instructions[BPF_MAXINSNS];
};

static int compile_with(scmp_filter_ctx filter, const struct seccomp_rules *rules,
                        struct program *program, struct failure *why) {
  static struct seccomp_stub stub;
  uint32_t tokens[SECCOMP_MAX_ARCHES];
  size_t count = 0;
  int r;

  r = add_arches(filter, rules, tokens, why);
  if (r < 0)
    return r;
  r = add_rules(filter, rules, why);
  if (r < 0)
    return r;
  r = seccomp_stub_build(rules, tokens, &stub, why);
  if (r < 0)
    return r;

  memcpy(program->instructions, stub.instructions, stub.count * sizeof *stub.instructions);
  r = export(filter, program->instructions + stub.count, BPF_MAXINSNS - stub.count, &count, why);
  program->count = stub.count + count;
  return r;
}

static int compile(const struct seccomp_rules *rules, struct program *program,
                   struct failure *why) {
  scmp_filter_ctx filter = seccomp_init(rules->default_action);

  if (filter == NULL)
    return fail(why, EINVAL, "compile seccomp rules: default action");
  const int r = compile_with(filter, rules, program, why);
  seccomp_release(filter);
  return r;
}

static int write_filter(const char *path, const struct seccomp_rules *rules,
                        const struct program *program, struct failure *why) {
  autoclose int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  struct seccomp_header header = {
      .magic = SECCOMP_FILE_MAGIC,
      .version = SECCOMP_FILE_VERSION,
      .flags = rules->flags,
      .count = (uint32_t) program->count,
  };
  int r;

  if (fd < 0)
    return fail(why, errno, "create %s", path);
  header.checksum = seccomp_checksum(&header, program->instructions);
  r = fd_write_all(fd, &header, sizeof header, why);
  if (r == 0)
    r = fd_write_all(fd, program->instructions, program->count * sizeof *program->instructions,
                     why);
  if (r == 0 && (fsync(fd) < 0 || close(steal_fd(&fd)) < 0))
    r = fail(why, errno, "write %s", path);
  if (r < 0)
    (void) unlink(path);
  return r;
}

/* The names that nobody here knows the number of: skipped, as every user of libseccomp does. */
static long long report_unknown(const struct seccomp_rules *rules) {
  long long count = 0;

  for (size_t i = 0; i < rules->count; i++) {
    const char *name = rules->rules[i].name;

    if (seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR ||
        seccomp_stub_number(seccomp_arch_native(), name) >= 0)
      continue;
    struct report report = report_open("unknown");
    report_text(&report, "name", name);
    report_send(&report);
    count++;
  }
  return count;
}

int seccomp_main(int argc, char *argv[], struct failure *why) {
  static struct program program;
  const struct fd_source stdin_source = {
      .fd = STDIN_FILENO, .name = "seccomp rules", .limit = SECCOMP_RULES_MAX_BYTES};
  struct seccomp_rules rules = {0};
  char *text = NULL;
  size_t size = 0;
  int r;

  if (argc != 1)
    return fail(why, EINVAL, "seccomp needs a file");
  r = fd_read(&stdin_source, &text, &size, why);
  if (r < 0)
    return r;
  r = seccomp_rules_parse(text, size, &rules, why);
  if (r < 0)
    return r;

  const long long unknown = report_unknown(&rules);
  r = compile(&rules, &program, why);
  if (r == 0)
    r = write_filter(argv[0], &rules, &program, why);
  seccomp_rules_free(&rules);
  if (r < 0)
    return r;

  struct report report = report_open("seccomp");
  report_number(&report, "instructions", (long long) program.count);
  report_number(&report, "unknown", unknown);
  report_send(&report);
  return 0;
}
