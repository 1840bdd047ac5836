#include "seal.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/sealed.h"

void seal_self(char *const *argv) {
  autoclose int own = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

  if (own < 0)
    return;
  if (sealed_is(own)) {
    (void) prctl(PR_SET_NAME, "marmita-init"); /* it has that of a descriptor */
    return;
  }
  autoclose int sealed = sealed_copy(own, 0);
  if (sealed >= 0)
    (void) syscall(SYS_execveat, sealed, "", argv, environ, AT_EMPTY_PATH);
}
