/* clock.h — what time it is, for people and for measuring. */
#pragma once

#include <stdint.h>

#define CLOCK_TEXT 40

/* For measuring: CLOCK_MONOTONIC in milliseconds. */
int64_t clock_ms(void);

/* As RFC 3339 with nanoseconds, in UTC. */
void clock_text(char text[static CLOCK_TEXT]);
