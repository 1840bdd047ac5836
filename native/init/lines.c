#include "lines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

bool lines_read(struct lines *lines, int fd, void (*obey)(void *whose, const char *line),
                void *whose) {
  const size_t room = sizeof lines->text - 1;
  const ssize_t n = read(fd, lines->text + lines->used, room - lines->used);

  if (n < 0)
    return errno == EINTR || errno == EAGAIN;
  if (n == 0)
    return false;
  lines->used += (size_t) n;
  lines->text[lines->used] = '\0';

  char *line = lines->text;
  for (char *newline = strchr(line, '\n'); newline != NULL; newline = strchr(line, '\n')) {
    *newline = '\0';
    obey(whose, line);
    line = newline + 1;
  }
  lines->used -= (size_t) (line - lines->text);
  memmove(lines->text, line, lines->used);
  if (lines->used == room)
    lines->used = 0;
  return true;
}
