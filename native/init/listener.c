/* listener.c — the descriptor that a filter is answered through goes to who answers.
 *
 * Theory of operation: from the filter on any system call may be one that waits for an answer, and
 * nobody can answer before they have the descriptor. So who sends it must not be under the filter,
 * and who is under it must not call the kernel until it is sent. A filter is of one thread: another
 * one, with the same memory and descriptors, waits for the number of the descriptor to appear in
 * memory, sends it, closes it, and is gone; the first one looks at memory until it sees the result.
 *
 *   thread                                        process
 *
 *   looks for a descriptor                   <--  clone(CLONE_THREAD|CLONE_VM|CLONE_FILES|…)
 *                                                 seccomp(NEW_LISTENER)
 *   sendmsg(state, descriptor), close()      <--  `descriptor`
 *   ends                        `outcome`    -->  goes on
 */
#include "listener.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/fd.h"

/* Whoever listens may take its time to read. */
#define PATIENCE_S 10

struct sending {
  int socket;
  const char *text;
  size_t size;
  int descriptor; /* 0: not yet; -1: there will be none */
  int outcome;    /* 0: not yet; 1: sent; -errno */
};

static int send_all(const struct sending *sending, int descriptor) {
  struct iovec data = {.iov_base = (void *) (uintptr_t) sending->text, .iov_len = sending->size};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
  union fd_rights rights;

  fd_attach(&message, &rights, descriptor);
  const ssize_t sent = sendmsg(sending->socket, &message, MSG_NOSIGNAL);
  if (sent < 0)
    return -errno;
  /* The descriptor went with the first bytes. */
  for (size_t at = (size_t) sent; at < sending->size;) {
    const ssize_t n = send(sending->socket, sending->text + at, sending->size - at, MSG_NOSIGNAL);
    if (n < 0)
      return -errno;
    at += (size_t) n;
  }
  return 1;
}

/* With the first one's errno, which looks at it only when we have ended. */
static int be_sender(void *whose) {
  const struct timespec moment = {.tv_nsec = 20000};
  struct sending *sending = whose;
  int descriptor;

  while ((descriptor = __atomic_load_n(&sending->descriptor, __ATOMIC_ACQUIRE)) == 0)
    (void) nanosleep(&moment, NULL);
  if (descriptor > 0) {
    const int outcome = send_all(sending, descriptor);

    (void) close(descriptor); /* else the container's death would not be seen */
    (void) close(sending->socket);
    __atomic_store_n(&sending->outcome, outcome, __ATOMIC_RELEASE);
  }
  return (int) syscall(SYS_exit, 0);
}

/* Not one system call: clock_gettime() asks memory as well (vdso(7)). */
static int await(const struct sending *sending) {
  struct timespec now = {0};
  int outcome;

  (void) clock_gettime(CLOCK_MONOTONIC, &now);
  const time_t end = now.tv_sec + PATIENCE_S;
  while ((outcome = __atomic_load_n(&sending->outcome, __ATOMIC_ACQUIRE)) == 0 && now.tv_sec <= end)
    (void) clock_gettime(CLOCK_MONOTONIC, &now);
  return outcome == 0 ? -ETIMEDOUT : outcome;
}

static int format_state(const struct outside *outside, char **ret_text, struct failure *why) {
  const char *const *state = outside->state;
  const int number = outside_number(outside);
  const int n = *state[1] == '\0'
                    ? asprintf(ret_text, "%s%d}", state[0], number)
                    : asprintf(ret_text, "%s%d%s%d}", state[0], number, state[1], number);

  return n < 0 ? fail(why, ENOMEM, "say who the seccomp listener is for") : n;
}

static int start_sender(struct sending *sending, struct failure *why) {
  static char stack[16384] __attribute__((aligned(16)));
  const int flags =
      CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;

  if (clone(be_sender, stack + sizeof stack, flags, sending) < 0)
    return fail(why, errno, "start who sends the seccomp listener");
  return 0;
}

int listener_install(const struct seccomp_filter *filter, struct outside *outside,
                     struct failure *why) {
  const struct sock_fprog program = {.len = filter->count, .filter = filter->instructions};
  static struct sending sending; /* a thread looks at it till its end */
  autofree char *text = NULL;
  int r;

  r = format_state(outside, &text, why);
  if (r < 0)
    return r;
  sending = (struct sending){.socket = outside->socket, .text = text, .size = (size_t) r};
  r = start_sender(&sending, why);
  if (r < 0)
    return r;
  outside->socket = -1;
  const int descriptor = (int) syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                                       filter->flags | SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
  const int errnum = errno;
  __atomic_store_n(&sending.descriptor, descriptor < 0 ? -1 : descriptor, __ATOMIC_RELEASE);
  if (descriptor < 0)
    return fail(why, errnum, "install the seccomp filter");
  r = await(&sending);
  return r < 0 ? fail(why, -r, "send the seccomp listener") : 0;
}
