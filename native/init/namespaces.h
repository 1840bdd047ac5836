/* namespaces.h — sharing namespaces and mounts with a container that runs already.
 *
 * A container's namespaces belong to its user namespace: whoever shares one of them must be in
 * that too, or the kernel would refuse it sysfs, procfs and the rest (user_namespaces(7)). So Node
 * starts the keeper in that user namespace in place of the engine's, the keeper enters the others
 * but for the pid namespace (birth.h), and its child is cloned with none of them.
 *
 * What runs is found through its file in live/, whose beginning is of one form, which is here:
 * written by its keeper, and gone when the container is.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../core/plan.h"

/* Most mounts that one container borrows. */
#define NAMESPACES_MAX_BORROWED 4

/* Enter those of `which` (CLONE_NEW…) that the plan's `join` operations name, in their order.
 * ESRCH: it does not run. EPERM: it has another user namespace than we. */
int namespaces_join(const struct plan *plan, uint64_t which, struct failure *why);

/* Descriptors of the mounts that the plan's `borrow` operations name, in their order: copies, not
 * yet attached anywhere. Returns their number. */
int namespaces_borrow(const struct plan *plan, int ret_mounts[NAMESPACES_MAX_BORROWED],
                      struct failure *why);

/* A process that is told from the next bearer of its number: by its start, field 22 of
 * /proc/PID/stat (proc(5)), and by the boot's id. */
struct namespaces_holder {
  int pid;
  long long start; /* 0 when there is no such process */
  char boot[64];   /* "" on a kernel without */
};

struct namespaces_holder namespaces_holder_of(pid_t pid);

/* A pidfd of it. ESRCH: it has ended, whoever has its number now. */
int namespaces_open_holder(const struct namespaces_holder *holder, int *ret_pidfd);

/* What a live file says. False for another text, and where its process had ended when it was
 * written. */
bool namespaces_read_holder(const char *live, struct namespaces_holder *ret_holder);

/* The first process of the container whose live file this is; `name` is what to call it when it
 * does not run: ESRCH. `ret_pid` may be NULL. */
int namespaces_find(const char *live, const char *name, pid_t *ret_pid, int *ret_pidfd,
                    struct failure *why);

/* The first of its children, and a pidfd of it: the command of a container whose first process is
 * our own (init/reaper.h), which does not let itself be asked. -ESRCH: there is none. */
int namespaces_find_child(pid_t parent, pid_t *ret_pid, int *ret_pidfd);

/* What the keeper must have of its child's. */
enum namespace_kind { NAMESPACE_MOUNT, NAMESPACE_NETWORK };

/* The child's part: where it shares namespaces it is hidden from its first moment on, to the keeper
 * too, so it sends these two. Nothing where it shares none. */
int namespaces_show(const struct plan *plan, int sync, struct failure *why);

/* The keeper's: as it was sent, else opened before the child hides. */
int namespaces_of_child(const struct plan *plan, pid_t child, int sync, enum namespace_kind kind,
                        int *ret_fd, struct failure *why);
