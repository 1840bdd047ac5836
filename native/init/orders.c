#include "orders.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/syscalls.h"
#include "report.h"
#include "verb.h"

static void pass_signal(struct keeper *keeper, const char *words) {
  char *end = NULL;
  const long number = strtol(words, &end, 10);

  if (end != words && number > 0 && number < NSIG)
    (void) sys_pidfd_send_signal(keeper->pidfd, (int) number); /* ESRCH: it has ended */
}

static void resize(struct keeper *keeper, const char *words) {
  struct size size = {0};

  if (keeper->terminal != NULL && sscanf(words, "%hu %hu", &size.columns, &size.rows) == 2)
    terminal_resize(keeper->terminal, size);
}

/* The answer comes last: Node waits for it before it lets go of its ends of our streams. */
static void detach(struct keeper *keeper, const char *words) {
  (void) words;
  keeper->is_detached = true;
  if (keeper->host_terminal >= 0)
    (void) close(keeper->host_terminal); /* its mode is Node's to put back */
  keeper->host_terminal = -1;
  if (keeper->terminal != NULL)
    terminal_unplug(keeper->terminal);
  struct report report = report_open("detached");
  report_send(&report);
}

/* A word, and what is meant by it. */
static const struct {
  const char *word;
  void (*obey)(struct keeper *keeper, const char *words);
} words[] = {
    {"signal ", pass_signal}, /* signal 15 */
    {"resize ", resize},      /* resize COLUMNS ROWS */
    {"detach", detach},
};

/* Lines are short and come whole from one writer. */
static void obey(struct keeper *keeper, const char *line) {
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    const size_t length = strlen(words[i].word);

    if (strncmp(line, words[i].word, length) == 0)
      words[i].obey(keeper, line + length);
  }
}

bool orders_obey(struct keeper *keeper, struct orders *orders) {
  const ssize_t n =
      read(FD_EVENTS, orders->text + orders->used, sizeof orders->text - 1 - orders->used);

  if (n < 0)
    return errno == EINTR || errno == EAGAIN;
  if (n == 0)
    return false;
  orders->used += (size_t) n;
  orders->text[orders->used] = '\0';

  char *line = orders->text;
  for (char *end = strchr(line, '\n'); end != NULL; end = strchr(line, '\n')) {
    *end = '\0';
    obey(keeper, line);
    line = end + 1;
  }
  orders->used -= (size_t) (line - orders->text);
  memmove(orders->text, line, orders->used);
  if (orders->used == sizeof orders->text - 1)
    orders->used = 0; /* no line of ours is that long */
  return true;
}
