#include "seal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../core/cleanup.h"

/* From Linux 6.3 on it is asked for, and a refusal is vm.memfd_noexec; before there is no such
 * flag.
 * FIXME: always ask when Linux 6.3 is our floor. */
#define EXECUTABLE 0x10U

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int make_file(void) {
  const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  const int fd = memfd_create("marmita-init", flags | EXECUTABLE);

  return fd < 0 && errno == EINVAL ? memfd_create("marmita-init", flags) : fd;
}

static bool copy(int from, int to) {
  struct stat status;
  ssize_t n = 1;

  if (fstat(from, &status) < 0)
    return false;
  for (off_t left = status.st_size; left > 0 && n > 0; left -= n)
    n = sendfile(to, from, NULL, (size_t) left);
  return n > 0;
}

void seal_self(char *const *argv) {
  autoclose int own = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  autoclose int sealed = -1;
  const int seals = own < 0 ? 0 : fcntl(own, F_GET_SEALS);

  if (own < 0)
    return;
  if (seals >= 0 && (seals & SEALS) == SEALS) {
    (void) prctl(PR_SET_NAME, "marmita-init"); /* it has that of a descriptor */
    return;
  }
  sealed = make_file();
  if (sealed >= 0 && copy(own, sealed) && fcntl(sealed, F_ADD_SEALS, SEALS) == 0)
    (void) syscall(SYS_execveat, sealed, "", argv, environ, AT_EMPTY_PATH);
}
