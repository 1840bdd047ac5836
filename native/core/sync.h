/* sync.h — the conversation between keeper and child while a container starts.
 *
 *        keeper                                child (container's namespaces)
 *
 *        clone(CLONE_NEWUSER|…)  ------------>  starts, waits
 *       (where namespaces are shared only)   <-  SYNC_NAMESPACE, beside it its mount namespace
 *                                            <-  SYNC_NAMESPACE, beside it its network namespace
 *        write uid_map, gid_map
 *                                SYNC_MAPPED ->  takes the steps of the plan
 *       (with a terminal only)               <-  SYNC_TERMINAL, beside it the master
 *       (bare, with hooks of the runtime)    <-  SYNC_HOOKS    before it enters its root
 *        Node carries them out   SYNC_HOOKED ->
 *                                            <-  SYNC_READY    every step done
 *                              SYNC_PROCEED ->  execve()
 *                                            <-  end of file: exec took place
 *
 * In bare mode the starter has the keeper's part, up to PROCEED: the child answers with
 * SYNC_RELEASED, closes its end, and waits for `start` (init/gate.h).
 *
 * In place of any message the child may send SYNC_FAILED with a struct failure;
 * sync_expect() then returns it as if it had happened here. One packet is one
 * message (SOCK_SEQPACKET), so nothing is ever half read.
 */
#pragma once

#include <stdbool.h>

#include "failure.h"

enum sync {
  SYNC_MAPPED = 1,
  SYNC_NAMESPACE,
  SYNC_TERMINAL,
  SYNC_HOOKS,
  SYNC_HOOKED,
  SYNC_READY,
  SYNC_PROCEED,
  SYNC_RELEASED,
  SYNC_FAILED
};

int sync_open(int *ret_keeper, int *ret_child, struct failure *why);
int sync_send(int fd, enum sync message, struct failure *why);
int sync_expect(int fd, enum sync message, struct failure *why);

/* The same with a descriptor beside the message: the sender keeps its own, the receiver gets one
 * that is closed on exec. */
int sync_send_fd(int fd, enum sync message, int descriptor, struct failure *why);
int sync_expect_fd(int fd, enum sync message, int *ret_descriptor, struct failure *why);

/* Wait for execve() to close the child's end, or for its reason not to. EPIPE: it died before it
 * heard what it was told; here and above. */
int sync_expect_exec(int fd, struct failure *why);

/* Whether the peer has closed its end, or died. */
bool sync_is_over(int fd);

/* The child's last words. Best effort: there is nobody else to tell. */
void sync_report(int fd, const struct failure *why);
