#include "idle.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* The linker's (ld(1), PROVIDE): where the program begins, and its text ends. */
extern const char __executable_start[], etext[];

/* The pages are a file's, and never written: nothing can be lost. */
void idle_let_go_of_text(void) {
  const uintptr_t page = (uintptr_t) sysconf(_SC_PAGESIZE);
  const uintptr_t from = (uintptr_t) __executable_start & ~(page - 1);
  const uintptr_t to = (uintptr_t) etext & ~(page - 1);

  (void) madvise((void *) from, to - from, MADV_DONTNEED);
}
