#include "clock.h"

#include <stdio.h>
#include <time.h>

int64_t clock_ms(void) {
  struct timespec now;

  (void) clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void clock_text(char text[static CLOCK_TEXT]) {
  struct timespec now;
  struct tm parts;
  char seconds[24];

  (void) clock_gettime(CLOCK_REALTIME, &now);
  (void) gmtime_r(&now.tv_sec, &parts);
  (void) strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &parts);
  (void) snprintf(text, CLOCK_TEXT, "%s.%09ldZ", seconds, now.tv_nsec);
}
