#include "sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

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
  off_t at = 0;

  if (fstat(from, &status) < 0)
    return false;
  while (at < status.st_size)
    if (sendfile(to, from, &at, (size_t) (status.st_size - at)) <= 0)
      return false;
  return true;
}

int sealed_copy(int from, int lowest) {
  autoclose int made = make_file();

  if (made < 0 || !copy(from, made) || fcntl(made, F_ADD_SEALS, SEALS) < 0)
    return -1;
  return made >= lowest ? steal_fd(&made) : fcntl(made, F_DUPFD_CLOEXEC, lowest);
}

bool sealed_is(int fd) {
  const int seals = fcntl(fd, F_GET_SEALS);

  return seals >= 0 && (seals & SEALS) == SEALS;
}
