#include "orders.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/clock.h"
#include "../core/syscalls.h"
#include "announce.h"
#include "streams.h"
#include "verb.h"

/* What is not meant as an end, whoever sends it (signal(7)). */
static bool is_harmless(int number) {
  static const int harmless[] = {0,       SIGCHLD, SIGCONT, SIGURG, SIGWINCH,
                                 SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};

  for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
    if (harmless[i] == number)
      return true;
  return false;
}

static int send_signal(struct keeper *keeper, int number, struct failure *why) {
  if (keeper->pid > 0 && sys_pidfd_send_signal(keeper->pidfd, number) == 0)
    return 0;
  if (keeper->pid > 0)
    return fail(why, errno, "signal %d", number);
  if (is_harmless(number))
    return fail(why, ESRCH, "signal %d", number);
  keeper->restart.is_ending = true;
  return 0;
}

static int bad_order(const char *order, struct failure *why) {
  return fail(why, EINVAL, "obey \"%s\"", order);
}

static int pass_signal(struct keeper *keeper, const char *words, struct failure *why) {
  char *end = NULL;
  const long number = strtol(words, &end, 10);

  if (end == words || *end != '\0' || number < 0 || number >= NSIG)
    return bad_order("signal", why);
  return send_signal(keeper, (int) number, why);
}

/* After `delay_ms` by force; a later order may be in less of a hurry. */
static void arm(struct keeper *keeper, long delay_ms) {
  keeper->kill_at_ms = delay_ms < 0 ? 0 : clock_ms() + delay_ms;
}

/* `N [MS]`; what is more than a timer can hold is for ever. */
static int bring_end(struct keeper *keeper, const char *words, struct failure *why) {
  char *behind_number = NULL, *behind_delay = NULL;
  const long number = strtol(words, &behind_number, 10);
  long delay_ms = strtol(behind_number, &behind_delay, 10);

  if (number < 1 || number >= NSIG || *behind_delay != '\0')
    return bad_order("end", why);
  if (behind_delay == behind_number || delay_ms > INT_MAX)
    delay_ms = -1;
  keeper->restart.by_hand = true;
  keeper->restart.is_ending = true;
  arm(keeper, delay_ms);
  if (keeper->pid > 0)
    (void) sys_pidfd_send_signal(keeper->pidfd, (int) number); /* ESRCH: it has ended */
  return 0;
}

static int end(struct keeper *keeper, const char *words, struct failure *why) {
  return bring_end(keeper, words, why);
}

static int start_again(struct keeper *keeper, const char *words, struct failure *why) {
  const int r = words[0] == '\0' ? 0 : bring_end(keeper, words, why);

  if (r == 0)
    keeper->restart.again = true;
  return r;
}

static int resize(struct keeper *keeper, const char *words, struct failure *why) {
  struct size size = {0};

  if (sscanf(words, "%hu %hu", &size.columns, &size.rows) != 2)
    return bad_order("resize", why);
  streams_resize(keeper->streams, size);
  return 0;
}

static int note_pause(struct keeper *keeper, const char *words, struct failure *why) {
  if (keeper->pid == 0)
    return fail(why, ESRCH, "pause");
  keeper->is_paused = words[0] == '1';
  announce_change(keeper);
  return 0;
}

static int do_nothing(struct keeper *keeper, const char *words, struct failure *why) {
  (void) keeper;
  (void) words;
  (void) why;
  return 0;
}

/* The answer comes last: Node waits for it before it lets go of its ends of our streams. */
static int detach(struct keeper *keeper, const char *words, struct failure *why) {
  struct report report = report_open("detached");

  (void) words;
  (void) why;
  keeper->is_detached = true;
  if (keeper->host_terminal >= 0)
    (void) close(keeper->host_terminal); /* its mode is Node's to put back */
  keeper->host_terminal = -1;
  streams_detach(keeper->streams);
  report_send(&report);
  return 0;
}

enum who { NODE = 1, CLIENT = 2, ANYBODY = NODE | CLIENT };

static const struct order {
  const char *word;
  enum who whose;
  int (*obey)(struct keeper *keeper, const char *words, struct failure *why);
} orders[] = {
    {"signal", ANYBODY, pass_signal}, {"end", ANYBODY, end},
    {"again", ANYBODY, start_again},  {"resize", ANYBODY, resize},
    {"paused", ANYBODY, note_pause},  {"name", ANYBODY, do_nothing},
    {"wait", ANYBODY, do_nothing},    {"detach", NODE, detach},
};

/* What comes behind `word`, or NULL where that is not the line's first. */
static const char *behind(const char *line, const char *word) {
  const size_t length = strlen(word);

  if (strncmp(line, word, length) != 0)
    return NULL;
  if (line[length] == ' ')
    return line + length + 1;
  return line[length] == '\0' ? line + length : NULL;
}

static int obey(struct keeper *keeper, enum who who, const char *line, struct failure *why) {
  for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
    const char *words = behind(line, orders[i].word);

    if (words != NULL && (orders[i].whose & who) != 0)
      return orders[i].obey(keeper, words, why);
  }
  return bad_order(line, why);
}

int orders_obey(void *whose, const char *order, struct failure *why) {
  return obey(whose, CLIENT, order, why);
}

static void obey_node(void *whose, const char *line) {
  struct failure ignored;

  (void) obey(whose, NODE, line, &ignored);
}

bool orders_read(struct keeper *keeper) {
  return lines_read(&keeper->from_node, keeper->node, obey_node, keeper);
}
