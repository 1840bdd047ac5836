#include "report.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "verb.h"

/* Kept free for the closing quote, brace and newline. */
#define TAIL 8

static void append(struct report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void append(struct report *report, const char *format, ...) {
  const size_t room = sizeof report->text - report->used;
  va_list args;

  va_start(args, format);
  const int n = vsnprintf(report->text + report->used, room, format, args);
  va_end(args);
  if (n > 0 && (size_t) n < room)
    report->used += (size_t) n;
}

/* JSON needs no more than this: quotes, backslashes and control characters. Bytes that
 * are not UTF-8 go through as they are; the reader decodes them as U+FFFD. */
static void append_escaped(struct report *report, const char *from) {
  for (; *from != '\0' && report->used + TAIL + 6 < sizeof report->text; from++) {
    const unsigned char c = (unsigned char) *from;

    if (c == '"' || c == '\\' || c < 0x20)
      append(report, "\\u%04x", c);
    else
      report->text[report->used++] = (char) c;
  }
}

struct report report_open(const char *event) {
  struct report report = {0};

  if (event == NULL)
    append(&report, "{\"version\":1");
  else
    append(&report, "{\"event\":\"%s\"", event);
  return report;
}

void report_text(struct report *report, const char *name, const char *value) {
  if (report->used + strlen(name) + 2 * TAIL >= sizeof report->text)
    return;
  append(report, ",\"%s\":\"", name);
  append_escaped(report, value);
  append(report, "\"");
}

void report_number(struct report *report, const char *name, long long value) {
  if (report->used + strlen(name) + 32 >= sizeof report->text)
    return;
  append(report, ",\"%s\":%lld", name, value);
}

void report_flag(struct report *report, const char *name, bool value) {
  if (report->used + strlen(name) + 2 * TAIL >= sizeof report->text)
    return;
  append(report, ",\"%s\":%s", name, value ? "true" : "false");
}

void report_list(struct report *report, const char *name) {
  append(report, ",\"%s\":[", name);
}

/* What a text takes: a byte that is escaped takes six. */
static size_t escaped_size(const char *text) {
  size_t size = 0;

  for (; *text != '\0'; text++)
    size += (unsigned char) *text < 0x20 || *text == '"' || *text == '\\' ? 6 : 1;
  return size;
}

bool report_item(struct report *report, const char *value) {
  /* Two quotes and a comma; the bracket is part of the tail. */
  if (report->used + escaped_size(value) + 3 + 2 * TAIL >= sizeof report->text)
    return false;
  append(report, report->text[report->used - 1] == '[' ? "\"" : ",\"");
  append_escaped(report, value);
  append(report, "\"");
  return true;
}

void report_list_end(struct report *report) {
  append(report, "]");
}

const char *report_finish(struct report *report) {
  append(report, "}\n");
  return report->text;
}

void report_send(struct report *report) {
  (void) report_finish(report);
  report_send_finished(report);
}

void report_send_finished(const struct report *report) {
  for (size_t sent = 0; sent < report->used;) {
    const ssize_t n = send(FD_EVENTS, report->text + sent, report->used - sent, MSG_NOSIGNAL);

    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return;
    sent += (size_t) n;
  }
}

static void add_failure(struct report *report, const struct failure *why) {
  report_number(report, "errno", why->errnum);
  report_text(report, "step", why->step);
  report_text(report, "what", why->what);
}

void report_failed(const struct failure *why) {
  struct report report = report_open("failed");

  add_failure(&report, why);
  report_send(&report);
}

/* docker run, "Exit status". */
int report_exit_code(const struct failure *why) {
  if (strcmp(why->step, "exec") != 0)
    return 125;
  return why->errnum == ENOENT || why->errnum == ENOTDIR ? 127 : 126;
}

void report_refusal(struct report *report, const struct failure *why) {
  add_failure(report, why);
  report_number(report, "exitCode", report_exit_code(why));
}

void report_end_with_node(void) {
  struct pollfd node = {.fd = FD_EVENTS};

  (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
  /* It may have ended before that. */
  if (poll(&node, 1, 0) > 0 && (node.revents & POLLHUP) != 0)
    (void) raise(SIGKILL);
}
