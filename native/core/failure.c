#include "failure.h"

#include <stdarg.h>
#include <stdio.h>

int fail(struct failure *why, int errnum, const char *format, ...) {
  va_list args;

  va_start(args, format);
  vsnprintf(why->what, sizeof why->what, format, args);
  va_end(args);
  why->errnum = errnum;
  why->step[0] = '\0';
  return -errnum;
}

int fail_while(struct failure *why, const char *format, ...) {
  char context[64];
  char inner[sizeof why->what];
  va_list args;

  va_start(args, format);
  vsnprintf(context, sizeof context, format, args);
  va_end(args);
  snprintf(inner, sizeof inner, "%s", why->what);
  snprintf(why->what, sizeof why->what, "%s: %.*s", context,
           (int) (sizeof why->what - sizeof context - 2), inner);
  return -why->errnum;
}

int fail_in_step(struct failure *why, const char *step) {
  if (why->step[0] == '\0')
    snprintf(why->step, sizeof why->step, "%s", step);
  return -why->errnum;
}
