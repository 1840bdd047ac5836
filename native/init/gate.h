/* gate.h — where a bare container's first process waits for its `start`.
 *
 * Two named pipes, made by the starter beside each other: PATH and PATH.result. The child holds
 * both open for reading and writing, so that whoever opens them never waits:
 *
 *        anybody                               child (has READY and PROCEED behind it)
 *
 *        opens PATH.result to read
 *        opens PATH, unlinks it,
 *        writes one byte         ------------>  its hooks `startContainer`, execve()
 *                                           <-  end of file of PATH.result: exec took place
 *
 * or, before that end, one line of JSON on PATH.result, as the event `failed` is: it did not.
 * ENXIO on opening PATH with O_WRONLY|O_NONBLOCK: nobody waits there any more.
 */
#pragma once

#include <stdbool.h>

#include "../core/failure.h"
#include "../core/plan.h"

struct gate {
  const struct plan *plan; /* for its hooks */
  int fifo;
  int result;
  bool stays;       /* the starter stays: it is the parent, whose death is the child's */
  bool is_released; /* by the starter: from then on failures go to PATH.result */
};

#define GATE_RESULT ".result"

/* Make both pipes. EEXIST: something is in the place of one. */
int gate_make(const char *path, struct gate *ret_gate, struct failure *why);
void gate_close(struct gate *gate);

/* The child's part, when nothing but execve() is left to do: be let go by the starter, wait, and
 * carry out the hooks. Signals that end a process end this one meanwhile, in a pid namespace of its
 * own too. Closes `sync`. */
int gate_wait(struct gate *gate, int sync, struct failure *why);

/* The last words of a child that was released. */
void gate_tell(const struct gate *gate, const struct failure *why);
