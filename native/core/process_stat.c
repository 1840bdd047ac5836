#include "process_stat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

bool process_stat_parse(const char *text, struct process_stat *ret_stat) {
  const char *after = strrchr(text, ')');
  struct process_stat stat = {0};
  int parent = 0;

  /* Fields 3 and 4, 20 and 22. */
  if (after == NULL ||
      sscanf(after + 1,
             " %c %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %ld %*s %lld",
             &stat.state, &parent, &stat.threads, &stat.start) != 4)
    return false;
  stat.parent = parent;
  *ret_stat = stat;
  return true;
}

bool process_stat_read(int directory, const char *name, struct process_stat *ret_stat) {
  char path[64];
  char text[1024];

  (void) snprintf(path, sizeof path, "%s/stat", name);
  autoclose int file = openat(directory, path, O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return false;
  const ssize_t size = read(file, text, sizeof text - 1);
  if (size <= 0)
    return false;
  text[size] = '\0';
  return process_stat_parse(text, ret_stat);
}
