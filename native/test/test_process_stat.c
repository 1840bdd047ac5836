/* test_process_stat.c — names of processes are anything. */
#include "../core/process_stat.h"

#include <fcntl.h>
#include <unistd.h>

#include "tap.h"

#define REST " 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 123456 0 0"

static void reads_fields(void) {
  struct process_stat stat = {0};

  is_int(process_stat_parse("12 (sh) S 7 12" REST, &stat), 1, "a line is read");
  is_int(stat.state, 'S', "its state");
  is_int(stat.parent, 7, "its parent");
  is_int(stat.threads, 3, "its threads");
  is_int((long) stat.start, 123456, "its start");
}

static void is_not_fooled(void) {
  struct process_stat stat = {0};

  is_int(process_stat_parse("12 (a) R 1 (b) T 9 12" REST, &stat), 1, "a name may look like a line");
  is_int(stat.state, 'T', "what stands behind it counts");
  is_int(stat.parent, 9, "all of it");
  is_int(process_stat_parse("12 sh S 7", &stat), 0, "a text without a name is none");
  is_int(process_stat_parse("12 (sh) S 7 1 2", &stat), 0, "nor is one cut short");
}

static void looks_at_processes(void) {
  struct process_stat stat = {0};

  is_int(process_stat_read(AT_FDCWD, "/proc/self", &stat), 1, "a process is found");
  is_int(stat.parent, getppid(), "and is the one meant");
  is_int(process_stat_read(AT_FDCWD, "/proc/0", &stat), 0, "one that is not there is not");
}

int main(void) {
  reads_fields();
  is_not_fooled();
  looks_at_processes();
  return done_testing();
}
