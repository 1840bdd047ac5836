/* keeper_clock.c — what time it is, for people and for measuring. */
#include <stdio.h>
#include <time.h>

#include "keeper.h"

void keeper_now(char text[static 40]) {
  struct timespec now;
  struct tm parts;
  char seconds[24];

  (void) clock_gettime(CLOCK_REALTIME, &now);
  (void) gmtime_r(&now.tv_sec, &parts);
  (void) strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &parts);
  (void) snprintf(text, 40, "%s.%09ldZ", seconds, now.tv_nsec);
}

int64_t keeper_clock_ms(void) {
  struct timespec now;

  (void) clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
