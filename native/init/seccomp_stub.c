#include "seccomp_stub.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>

#define X32_BIT 0x40000000u

/* From 424 on (Linux 5.1) a new call has one number on every architecture.
 * FIXME: drop when libseccomp 2.6 is our floor. */
static const struct {
  const char *name;
  int number;
} newer[] = {
    {"cachestat", 451},         {"fchmodat2", 452},        {"map_shadow_stack", 453},
    {"futex_wake", 454},        {"futex_wait", 455},       {"futex_requeue", 456},
    {"statmount", 457},         {"listmount", 458},        {"lsm_get_self_attr", 459},
    {"lsm_set_self_attr", 460}, {"lsm_list_modules", 461}, {"mseal", 462},
    {"setxattrat", 463},        {"getxattrat", 464},       {"listxattrat", 465},
    {"removexattrat", 466},     {"open_tree_attr", 467},   {"file_getattr", 468},
    {"file_setattr", 469},
};

/* Of one architecture alone, and none of x32's. */
#define URETPROBE_X86_64 335

int seccomp_stub_number(uint32_t arch, const char *name) {
  if (strcmp(name, "uretprobe") == 0)
    return arch == SCMP_ARCH_X86_64 ? URETPROBE_X86_64 : -1;
  for (size_t i = 0; i < sizeof newer / sizeof *newer; i++)
    if (strcmp(name, newer[i].name) == 0)
      return arch == SCMP_ARCH_X32 ? newer[i].number | (int) X32_BIT : newer[i].number;
  return -1;
}

static void add(struct seccomp_stub *stub, struct sock_filter instruction) {
  if (stub->count < SECCOMP_STUB_MAX)
    stub->instructions[stub->count] = instruction;
  stub->count++; /* past the end: build() says so */
}

static void load(struct seccomp_stub *stub, uint32_t offset) {
  add(stub, (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
}

static void give(struct seccomp_stub *stub, uint32_t action) {
  add(stub, (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, action));
}

/* When the comparison holds, the next instruction is for it; otherwise that one is skipped. */
static void when(struct seccomp_stub *stub, uint16_t comparison, uint32_t value) {
  add(stub, (struct sock_filter) BPF_JUMP((uint16_t) (BPF_JMP | comparison | BPF_K), value, 0, 1));
}

/* The other way round. */
static void unless(struct seccomp_stub *stub, uint16_t comparison, uint32_t value) {
  add(stub, (struct sock_filter) BPF_JUMP((uint16_t) (BPF_JMP | comparison | BPF_K), value, 1, 0));
}

/* A jump whose way land() says. */
static size_t jump(struct seccomp_stub *stub) {
  add(stub, (struct sock_filter) BPF_STMT(BPF_JMP | BPF_JA, 0));
  return stub->count - 1;
}

static void land(struct seccomp_stub *stub, size_t jumped) {
  if (jumped < SECCOMP_STUB_MAX)
    stub->instructions[jumped].k = (uint32_t) (stub->count - jumped - 1);
}

/* What is decided with the call's number in the accumulator. */
static void decide(struct seccomp_stub *stub, const struct seccomp_rules *rules, uint32_t arch) {
  int64_t newest = -1;

  for (size_t i = 0; i < rules->count; i++) {
    const struct seccomp_rule *rule = &rules->rules[i];
    int number = seccomp_syscall_resolve_name_arch(arch, rule->name);

    if (number == __NR_SCMP_ERROR) {
      number = seccomp_stub_number(arch, rule->name);
      if (number >= 0 && rule->condition_count == 0) {
        when(stub, BPF_JEQ, (uint32_t) number);
        give(stub, rule->action);
      }
    }
    if (number > newest)
      newest = number;
  }
  if (!rules->newer_are_unknown || newest < 0)
    return;
  when(stub, BPF_JGT, (uint32_t) newest);
  give(stub, SECCOMP_RET_ERRNO | ENOSYS);
}

static bool has(const struct seccomp_rules *rules, const uint32_t *tokens, uint32_t arch) {
  for (size_t i = 0; i < rules->arch_count; i++)
    if (tokens[i] == arch)
      return true;
  return false;
}

/* The part of one AUDIT_ARCH_…; x86_64 and x32 have that in common, and a bit apart. */
static void build_part(struct seccomp_stub *stub, const struct seccomp_rules *rules,
                       const uint32_t *tokens, uint32_t arch) {
  load(stub, offsetof(struct seccomp_data, arch));
  unless(stub, BPF_JEQ, arch);
  const size_t past = jump(stub);

  load(stub, offsetof(struct seccomp_data, nr));
  if (arch == SCMP_ARCH_X86_64) {
    when(stub, BPF_JGE, X32_BIT);
    const size_t into_x32 = jump(stub);
    decide(stub, rules, arch);
    const size_t done = jump(stub);
    land(stub, into_x32);
    if (has(rules, tokens, SCMP_ARCH_X32))
      decide(stub, rules, SCMP_ARCH_X32);
    land(stub, done);
  } else {
    decide(stub, rules, arch);
  }
  land(stub, past);
}

/* Which of them libseccomp could not carry out, and we neither: allowing less is no harm. */
static int refuse_conditions(const struct seccomp_rules *rules, uint32_t native,
                             struct failure *why) {
  for (size_t i = 0; i < rules->count; i++) {
    const struct seccomp_rule *rule = &rules->rules[i];

    if (rule->condition_count == 0 || rule->action == SECCOMP_RET_ALLOW ||
        seccomp_syscall_resolve_name(rule->name) != __NR_SCMP_ERROR ||
        seccomp_stub_number(native, rule->name) < 0)
      continue;
    return fail(why, ENOTSUP, "compile seccomp rules: conditions of %s, newer than libseccomp",
                rule->name);
  }
  return 0;
}

int seccomp_stub_build(const struct seccomp_rules *rules, const uint32_t *tokens,
                       struct seccomp_stub *ret_stub, struct failure *why) {
  const int r = refuse_conditions(rules, tokens[0], why);

  if (r < 0)
    return r;
  ret_stub->count = 0;
  for (size_t i = 0; i < rules->arch_count; i++)
    if (tokens[i] != SCMP_ARCH_X32)
      build_part(ret_stub, rules, tokens, tokens[i]);
  if (ret_stub->count > SECCOMP_STUB_MAX)
    return fail(why, E2BIG, "compile seccomp rules: more new calls than there is room for");
  return 0;
}
