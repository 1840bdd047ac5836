/* device_rules.c — `device-rules DIRECTORY HEX…`: a control group's processes use devices as an
 * eBPF program lets them.
 *
 * The program comes as hexadecimal digits, instructions of 8 bytes each, in as many words as it
 * takes; lib/bundles/cgroup-devices.ts makes it. It is in force beside those that the group has,
 * and those above it: what one of them denies is denied. It goes with the group. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "verb.h"

enum { MAX_INSTRUCTIONS = 1 << 16, LOG_BYTES = 4096 };

static int bpf(enum bpf_cmd command, union bpf_attr *attributes) {
  return (int) syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

static int nibble(char digit) {
  if (digit >= '0' && digit <= '9')
    return digit - '0';
  return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* Appends what `digits` say; -1 when they are odd in number, no such digits, or too many. */
static int decode(const char *digits, unsigned char *bytes, size_t *used) {
  for (; *digits != '\0'; digits += 2) {
    const int high = nibble(digits[0]);
    const int low = high < 0 ? -1 : nibble(digits[1]);

    if (low < 0 || *used == MAX_INSTRUCTIONS * sizeof(struct bpf_insn))
      return -1;
    bytes[(*used)++] = (unsigned char) (high << 4 | low);
  }
  return 0;
}

static int decode_all(int count, char *const *words, unsigned char *bytes, size_t *ret_size,
                      struct failure *why) {
  size_t used = 0;

  for (int i = 0; i < count; i++)
    if (decode(words[i], bytes, &used) < 0)
      return fail(why, EINVAL, "read a program of device rules");
  if (used == 0 || used % sizeof(struct bpf_insn) != 0)
    return fail(why, EINVAL, "read a program of device rules");
  *ret_size = used;
  return 0;
}

/* FIXME: drop when Linux 5.11 is our floor: before, programs count as locked memory. */
static void raise_limit(void) {
  struct rlimit limit;

  if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
    return;
  limit.rlim_cur = limit.rlim_max;
  (void) setrlimit(RLIMIT_MEMLOCK, &limit);
}

static int load(const unsigned char *bytes, size_t size, struct failure *why) {
  char log[LOG_BYTES] = "";
  union bpf_attr attributes = {
      .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
      .insns = (uint64_t) (uintptr_t) bytes,
      .insn_cnt = (uint32_t) (size / sizeof(struct bpf_insn)),
      .license = (uint64_t) (uintptr_t) "",
  };
  int fd = bpf(BPF_PROG_LOAD, &attributes);

  if (fd < 0 && errno == EPERM) {
    raise_limit();
    fd = bpf(BPF_PROG_LOAD, &attributes);
  }
  if (fd >= 0)
    return fd;
  const int errnum = errno;
  attributes.log_buf = (uint64_t) (uintptr_t) log;
  attributes.log_size = sizeof log;
  attributes.log_level = 1;
  (void) bpf(BPF_PROG_LOAD, &attributes); /* once more, for its words */
  return fail(why, errnum, "load device rules: %.200s", log);
}

static int attach(int group, int program, struct failure *why) {
  union bpf_attr attributes = {
      .target_fd = (uint32_t) group,
      .attach_bpf_fd = (uint32_t) program,
      .attach_type = BPF_CGROUP_DEVICE,
      .attach_flags = BPF_F_ALLOW_MULTI,
  };

  return bpf(BPF_PROG_ATTACH, &attributes) < 0 ? fail(why, errno, "attach device rules") : 0;
}

int device_rules_main(int argc, char *argv[], struct failure *why) {
  autofree unsigned char *bytes = malloc(MAX_INSTRUCTIONS * sizeof(struct bpf_insn));
  size_t size = 0;

  if (argc < 2)
    return fail(why, EINVAL, "device-rules takes a directory and a program");
  if (bytes == NULL)
    return fail(why, ENOMEM, "read a program of device rules");
  if (decode_all(argc - 1, argv + 1, bytes, &size, why) < 0)
    return -why->errnum;
  autoclose int group = open(argv[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (group < 0)
    return fail(why, errno, "open control group %s", argv[0]);
  autoclose int program = load(bytes, size, why);
  if (program < 0)
    return program;
  return attach(group, program, why);
}
