/* sealed.h — a program's copy in memory that nobody can write to (memfd_create(2)). */
#pragma once

#include <stdbool.h>

/* A descriptor of at least `lowest` of a copy of what `from` has open, closed on exec; -1 and errno
 * where the kernel gives none that may be executed. */
int sealed_copy(int from, int lowest);

bool sealed_is(int fd);
