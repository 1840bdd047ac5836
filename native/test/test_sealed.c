/* test_sealed.c — a copy that can be executed, and not written to. */
#include "../core/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

int main(void) {
  const int own = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  struct stat before, after;
  char path[32], first[16] = "", second[16] = "";

  const int copy = sealed_copy(own, 40);
  is_int(copy >= 40, 1, "a copy has a number as high as wanted");
  is_int(fcntl(copy, F_GETFD), FD_CLOEXEC, "and is closed on exec");
  is_int(fstat(own, &before) == 0 && fstat(copy, &after) == 0, 1, "both are there");
  is_int(before.st_size == after.st_size, 1, "and as large as each other");
  is_int(pread(own, first, sizeof first - 1, 1) == pread(copy, second, sizeof second - 1, 1), 1,
         "both can be read");
  is_text(first, second, "and are the same");

  is_int(sealed_is(copy), 1, "it is sealed");
  is_int(sealed_is(own), 0, "what was copied is not");
  is_int(write(copy, "x", 1), -1, "nobody writes to it");
  is_int(errno, EPERM, "not even who made it");
  snprintf(path, sizeof path, "/proc/self/fd/%d", copy);
  const int again = open(path, O_RDWR | O_CLOEXEC);
  is_int(write(again, "x", 1), -1, "nor who opens it again");
  is_int(ftruncate(copy, 0), -1, "or makes it shorter");
  is_int(sealed_copy(-1, 0), -1, "of nothing there is none");
  (void) close(again);
  (void) close(copy);
  (void) close(own);
  return done_testing();
}
