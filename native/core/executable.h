/* executable.h — why execve() refused a file: what the file is, in words.
 *
 * The kernel has one errno for an empty file, a script without #! and a program for another
 * processor, and ENOENT for a file that is there when its interpreter is not. So the file is
 * looked at, bounded, as the user who was to run it; it may be anything, and change meanwhile. */
#pragma once

#include <stddef.h>

#include "failure.h"

struct execution {
  const char *path;
  char *const *argv;
  char *const *environment;
};

/* "exec /run, a script without #!": what execve() refused with `errnum`; returns -errnum. */
int executable_fail(const struct execution *execution, int errnum, struct failure *why);

/* What a file of these first bytes is to execve(), as the end of "exec /run, …"; "" for a program
 * of this machine. `text` is room for words that are not constant. */
const char *executable_kind(const unsigned char *bytes, size_t size, char text[static 64]);

/* The path of the interpreter in the first line of a script; 0 when there is none. */
size_t executable_interpreter(const unsigned char *bytes, size_t size, const char **ret_path);
