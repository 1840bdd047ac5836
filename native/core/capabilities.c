#include "capabilities.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WORDS _LINUX_CAPABILITY_U32S_3
#define LAST 63

static int get(struct __user_cap_data_struct data[WORDS]) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

  return (int) syscall(SYS_capget, &header, data);
}

int capabilities_bound(uint64_t bounding, struct failure *why) {
  for (int number = 0; number <= LAST; number++) {
    if (bounding >> number & 1)
      continue;
    if (prctl(PR_CAPBSET_DROP, number, 0, 0, 0) == 0)
      continue;
    if (errno == EINVAL) /* past the last one this kernel knows */
      return 0;
    return fail(why, errno, "drop capability %d from the bounding set", number);
  }
  return 0;
}

int capabilities_set(const struct capabilities *wanted, struct failure *why) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[WORDS] = {0};

  if (get(data) < 0)
    return fail(why, errno, "read capabilities");
  for (int word = 0; word < WORDS; word++) {
    const int shift = 32 * word;
    const uint32_t had = data[word].permitted;

    data[word].permitted = had & (uint32_t) (wanted->permitted >> shift);
    data[word].effective = had & (uint32_t) (wanted->effective >> shift);
    data[word].inheritable = had & (uint32_t) (wanted->inheritable >> shift);
  }
  if (syscall(SYS_capset, &header, data) < 0)
    return fail(why, errno, "set capabilities");

  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
    return fail(why, errno, "clear ambient capabilities");
  for (int number = 0; number <= LAST; number++)
    if (wanted->ambient >> number & 1 && data[number / 32].permitted >> (number % 32) & 1 &&
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) < 0)
      return fail(why, errno, "raise ambient capability %d", number);
  return 0;
}

int capabilities_raise(int number, struct failure *why) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[WORDS] = {0};
  const uint32_t bit = 1u << (number % 32);

  if (get(data) < 0)
    return fail(why, errno, "read capabilities");
  if (data[number / 32].effective & bit)
    return 0;
  data[number / 32].effective |= bit;
  if (syscall(SYS_capset, &header, data) < 0)
    return fail(why, errno, "make capability %d effective", number);
  return 0;
}
