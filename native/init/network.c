#include "network.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/clock.h"
#include "own_address.h"

#define TIMEOUT_MS 30000
/* What is kept of its complaints: it may go on complaining for as long as the container runs. */
#define WORDS_SIZE 8192

static const struct operation *operation_of(const struct network *network) {
  return &network->plan->operations[network->at];
}

static const char *name_of(const struct network *network) {
  return operation_of(network)->arguments[0].text;
}

/* The first `network` from `from` on. */
static bool find_operation(const struct plan *plan, size_t from, size_t *ret_at) {
  for (size_t i = from; i < plan->count; i++)
    if (plan->operations[i].code == PLAN_NETWORK) {
      *ret_at = i;
      return true;
    }
  return false;
}

/* A file of a fixed size: what does not fit is refused (memfd_create(2), F_SEAL_GROW). */
static int open_words(struct failure *why) {
  autoclose int words = memfd_create("network", MFD_CLOEXEC | MFD_ALLOW_SEALING);

  if (words < 0 || ftruncate(words, WORDS_SIZE) < 0 ||
      fcntl(words, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SEAL) < 0)
    return fail(why, errno, "make a place for what a program says");
  return steal_fd(&words);
}

static int start_helper(struct network *network, struct failure *why) {
  char *const *argv = operation_of(network)->arguments[2].list;
  int ends[2];
  int r;

  network->words = open_words(why);
  if (network->words < 0)
    return network->words;
  if (pipe2(ends, O_CLOEXEC) < 0)
    return fail(why, errno, "make a pipe");
  network->ready = ends[0];
  r = companion_start_guarded(argv, (int[]){ends[1], network->namespace_fd, network->words},
                              &network->companion, why);
  (void) close(ends[1]);
  return r;
}

int network_start(struct network *network, int namespace_fd, struct failure *why) {
  network->namespace_fd = namespace_fd;
  return find_operation(network->plan, 0, &network->at) ? start_helper(network, why) : 0;
}

static void close_slot(int *slot) {
  if (*slot >= 0)
    (void) close(*slot);
  *slot = -1;
}

static void let_go(struct network *network, int *ret_status) {
  companion_stop(&network->companion, ret_status);
  close_slot(&network->ready);
  close_slot(&network->words);
}

/* Of its complaints the last line: what went before is how it went on. pasta of 2023 tells of
 * each line that the system's log did not get it. */
static void last_words(const struct network *network, char *ret_line, size_t size) {
  char text[WORDS_SIZE + 1];
  const ssize_t n = pread(network->words, text, WORDS_SIZE, 0);
  char *rest = text;

  text[n < 0 ? 0 : n] = '\0';
  ret_line[0] = '\0';
  for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n"))
    if (line[0] != '\0' && strstr(line, "bytes to syslog") == NULL)
      (void) snprintf(ret_line, size, "%s", line);
}

/* 0 when it is ready; else what is the matter: ETIMEDOUT, ECHILD for its end, ECANCELED. */
static int wait_ready(const struct network *network, int node) {
  const long long until = clock_ms() + TIMEOUT_MS;
  struct pollfd polled[] = {
      {.fd = network->ready, .events = POLLIN},
      {.fd = network->companion.pidfd, .events = POLLIN},
      {.fd = node, .events = POLLRDHUP},
  };

  for (;;) {
    const long long left = until - clock_ms();
    const int n = left <= 0 ? 0 : poll(polled, sizeof polled / sizeof *polled, (int) left);

    if (n == 0)
      return ETIMEDOUT;
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return errno;
    if (polled[0].revents & POLLIN)
      return 0;
    if (polled[1].revents != 0)
      return ECHILD;
    if (polled[2].revents != 0)
      return ECANCELED;
    polled[0].fd = -1; /* closed without a word: its end is near, or 30 s */
  }
}

/* "pasta: No routable interface", put behind what was said of others. */
static void add_reason(struct network *network, int errnum) {
  char line[160];
  const size_t used = strlen(network->lost);

  last_words(network, line, sizeof line);
  if (line[0] == '\0')
    (void) snprintf(line, sizeof line, "%s",
                    errnum == ETIMEDOUT ? "not ready in time" : "it ended");
  (void) snprintf(network->lost + used, sizeof network->lost - used, "%s%s: %s",
                  used == 0 ? "" : "; ", name_of(network), line);
}

/* The next helper of the plan. Without one: whether the container may go on. */
static int try_next(struct network *network, struct failure *why) {
  const uint64_t flags = operation_of(network)->arguments[1].number;

  let_go(network, NULL);
  if (find_operation(network->plan, network->at + 1, &network->at))
    return start_helper(network, why);
  if (flags & NETWORK_REQUIRED)
    return fail(why, EIO, "connect the network: %s", network->lost);
  return 0;
}

int network_await(struct network *network, int node, struct failure *why) {
  int r;

  while (network->companion.pid > 0) {
    const int errnum = wait_ready(network, node);

    if (errnum == ECANCELED)
      return fail(why, errnum, "wait for %s", name_of(network));
    if (errnum == 0) {
      close_slot(&network->ready);
      break;
    }
    add_reason(network, errnum);
    r = try_next(network, why);
    if (r < 0)
      return r;
  }
  return own_address_write(network->plan, network->companion.pid > 0 ? network->namespace_fd : -1,
                           why);
}

const char *network_helper(const struct network *network) {
  return network->companion.pid > 0 ? name_of(network) : NULL;
}

void network_note_loss(struct network *network) {
  char line[160];
  int status = 0;

  last_words(network, line, sizeof line);
  let_go(network, &status);
  const char *between = line[0] == '\0' ? "" : ": ";
  if (WIFSIGNALED(status))
    (void) snprintf(network->lost, sizeof network->lost, "%s was killed by signal %d",
                    name_of(network), WTERMSIG(status));
  else
    (void) snprintf(network->lost, sizeof network->lost, "%s ended with exit code %d%s%s",
                    name_of(network), WEXITSTATUS(status), between, line);
}

void network_stop(struct network *network) {
  let_go(network, NULL);
  close_slot(&network->namespace_fd);
}
