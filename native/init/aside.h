/* aside.h — processes that work beside the one that started them, on memory or files they share. */
#pragma once

#include <sys/types.h>

/* fork(): 0 in the new process, which Node does not wait for, and which is killed when the one that
 * started it ends. -1 and errno. */
pid_t aside_fork(void);

/* Kill it and wait for its end. Anything not positive is none. */
void aside_end(pid_t pid);
