/* events.c — one line of JSON for each event, in one write: lines of several writers do not mix.
 *
 * A file that has grown large is put aside by whoever notices: those who opened it before write
 * to it under its new name, where readers still look. */
#include "events.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/lock.h"

/* As in lib/engine/event-log.ts. */
enum { ROTATE_BYTES = 4 << 20, OLD_FILES = 2 };

static bool is_plain(const char *text) {
  for (; *text != '\0'; text++)
    if ((unsigned char) *text < 0x20 || *text == '"' || *text == '\\')
      return false;
  return true;
}

/* Appends to what is in `text`; what does not fit whole is left out. */
static void add(char *text, size_t size, const struct event_attribute *attribute) {
  const size_t used = strlen(text);

  if (attribute->value == NULL || !is_plain(attribute->value))
    return;
  const int n =
      snprintf(text + used, size - used, ",\"%s\":\"%s\"", attribute->name, attribute->value);
  if (n < 0 || (size_t) n >= size - used)
    text[used] = '\0';
}

static bool is_large(int file) {
  struct stat status;

  return fstat(file, &status) == 0 && status.st_size >= ROTATE_BYTES;
}

/* `path` with a number behind, or as it is with none. */
static int numbered(const char *path, int number, char ret_path[static 4200]) {
  const int n = number == 0 ? snprintf(ret_path, 4200, "%s", path)
                            : snprintf(ret_path, 4200, "%s.%d", path, number);

  return n < 4200 ? 0 : -ENAMETOOLONG;
}

static void put_aside(const char *path) {
  char younger[4200], older[4200];
  const char *slash = strrchr(path, '/');
  struct failure ignored;
  autoclose int held = -1;

  if (slash == NULL ||
      snprintf(older, sizeof older, "%.*s/locks/events", (int) (slash - path), path) >=
          (int) sizeof older ||
      lock_try(older, (struct lock_request){.exclusive = true, .create = true}, &held, &ignored) <
          0)
    return; /* somebody does it just now */
  autoclose int file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0 || !is_large(file))
    return; /* somebody did */
  for (int number = OLD_FILES; number > 0; number--)
    if (numbered(path, number - 1, younger) == 0 && numbered(path, number, older) == 0)
      (void) rename(younger, older);
}

static const char *last_part(const char *path) {
  const char *slash = path == NULL ? NULL : strrchr(path, '/');

  return slash == NULL ? path : slash + 1;
}

static struct iovec text_of(const char *text, size_t size) {
  union {
    const char *given;
    char *written; /* which nobody does */
  } bytes = {.given = text};

  return (struct iovec){.iov_base = bytes.written, .iov_len = size};
}

void events_write(const struct plan *plan, const struct event *event) {
  const struct operation *events = plan_find(plan, PLAN_EVENTS);
  const char *id = plan_text(plan, PLAN_CONTAINER);
  char head[256], own[512] = "", tail[96];
  struct timespec now;

  if (events == NULL || id == NULL)
    return;
  const char *path = events->arguments[0].text;
  const char *known = events->arguments[1].text; /* an object that is not empty */
  const size_t known_size = strlen(known);
  if (known_size < 2 || known[known_size - 1] != '}')
    return;
  add(own, sizeof own, &(struct event_attribute){"name", last_part(event->name)});
  for (size_t i = 0; i < event->count; i++)
    add(own, sizeof own, &event->attributes[i]);
  (void) clock_gettime(CLOCK_REALTIME, &now);
  (void) snprintf(head, sizeof head,
                  "{\"Type\":\"container\",\"Action\":\"%s\",\"Actor\":{\"ID\":\"%.64s\","
                  "\"Attributes\":",
                  event->action, id);
  (void) snprintf(tail, sizeof tail,
                  "}},\"scope\":\"local\",\"time\":%lld,\"timeNano\":%lld%09ld}\n",
                  (long long) now.tv_sec, (long long) now.tv_sec, now.tv_nsec);
  const struct iovec parts[] = {
      text_of(head, strlen(head)),
      text_of(known, known_size - 1),
      text_of(own, strlen(own)),
      text_of(tail, strlen(tail)),
  };
  autoclose int file =
      open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
  if (file < 0)
    return;
  (void) writev(file, parts, sizeof parts / sizeof *parts);
  if (is_large(file))
    put_aside(path);
}

/* Whole seconds, as Docker has them. */
static long long seconds_since(const char *time_text) {
  struct tm parts = {0};

  if (strptime(time_text, "%Y-%m-%dT%H:%M:%S", &parts) == NULL)
    return 0;
  const long long seconds = (long long) time(NULL) - (long long) timegm(&parts);
  return seconds < 0 ? 0 : seconds;
}

void events_write_death(const struct plan *plan, const char *name,
                        const struct event_death *death) {
  char seconds[24], code[16];
  const struct event_attribute attributes[] = {{"execDuration", seconds}, {"exitCode", code}};

  (void) snprintf(seconds, sizeof seconds, "%lld", seconds_since(death->started_at));
  (void) snprintf(code, sizeof code, "%d", death->exit_code);
  events_write(plan, &(struct event){"die", name, attributes, 2});
}
