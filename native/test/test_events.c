/* test_events.c — lines in the file of events, and how it is put aside. */
#include "../init/events.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

static char folder[] = "/tmp/marmita-events-XXXXXX";
static char path[64];

static struct operation operations[] = {
    {.code = PLAN_CONTAINER, .arguments = {{.text = "ab12"}, {.text = "web"}}},
    {.code = PLAN_EVENTS,
     .arguments = {{.text = path}, {.text = "{\"x\":\"}\",\"image\":\"busybox\"}"}}},
};
static const struct plan plan = {.count = 2, .operations = operations};

/* The file's text without its time. */
static const char *text_at(const char *from) {
  static char text[4096];
  const int file = open(from, O_RDONLY | O_CLOEXEC);
  const ssize_t size = file < 0 ? 0 : read(file, text, sizeof text - 1);
  char *time;

  if (file >= 0)
    (void) close(file);
  text[size < 0 ? 0 : size] = '\0';
  time = strstr(text, ",\"time\":");
  if (time != NULL)
    *time = '\0';
  return text;
}

static void tells_what_happened(void) {
  const struct event_attribute attributes[] = {
      {"exitCode", "137"}, {"odd", "a \"b\""}, {"none", NULL}};

  events_write(&plan, &(struct event){"die", "web", attributes, 3});

  is_text(text_at(path),
          "{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"ab12\","
          "\"Attributes\":{\"x\":\"}\",\"image\":\"busybox\",\"name\":\"web\","
          "\"exitCode\":\"137\"}},\"scope\":\"local\"",
          "a line in Docker's shape, without what would have to be escaped");
}

static void tells_how_it_ended(void) {
  (void) unlink(path);
  events_write_death(&plan, "/names/web", &(struct event_death){9, "2020-01-01T00:00:00.5Z"});
  is_int(strstr(text_at(path), "\"name\":\"web\",\"execDuration\":\"") != NULL, 1,
         "a death has a name, without its path, and a duration");
  is_int(strstr(text_at(path), "\"execDuration\":\"0\"") == NULL, 1, "of more than no time");
  is_int(strstr(text_at(path), "\"exitCode\":\"9\"}}") != NULL, 1, "and an exit code");
}

static void leaves_out_what_does_not_fit(void) {
  char name[700];
  const struct event_attribute attributes[] = {{"exitCode", "1"}};

  memset(name, 'x', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  (void) unlink(path);
  events_write(&plan, &(struct event){"die", name, attributes, 1});

  is_int(strstr(text_at(path), "\"image\":\"busybox\",\"exitCode\":\"1\"}}") != NULL, 1,
         "an attribute that is too long is left out, the next one is there");
}

static void needs_the_operation(void) {
  const struct plan without = {.count = 1, .operations = operations};

  (void) unlink(path);
  events_write(&without, &(struct event){.action = "start"});
  is_int(access(path, F_OK), -1, "nothing is written without the operation `events`");
}

static void follows_no_link(void) {
  char other[64];

  (void) snprintf(other, sizeof other, "%s/other", folder);
  (void) unlink(path);
  is_int(symlink(other, path), 0, "a link in the way");
  events_write(&plan, &(struct event){.action = "start"});
  is_int(access(other, F_OK), -1, "is not followed");
  (void) unlink(path);
}

static void puts_aside_what_is_large(void) {
  char old[80], older[80];
  struct stat status;

  (void) snprintf(old, sizeof old, "%s.1", path);
  (void) snprintf(older, sizeof older, "%s.2", path);
  for (int round = 0; round < 2; round++) {
    const int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    is_int(ftruncate(file, (4 << 20) - 1 + round), 0, "a large file");
    (void) close(file);
    events_write(&plan, &(struct event){.action = "start"});
  }
  is_int(access(path, F_OK), -1, "it is put aside");
  is_int(stat(old, &status) == 0 && status.st_size > 4 << 20, 1, "with the line in it");
  is_int(stat(older, &status) == 0 && status.st_size > 4 << 20, 1, "as the one before it was");
  (void) unlink(old);
  (void) unlink(older);
}

int main(void) {
  char locks[64], lock[80];

  if (mkdtemp(folder) == NULL)
    return 1;
  (void) snprintf(path, sizeof path, "%s/events.jsonl", folder);
  (void) snprintf(locks, sizeof locks, "%s/locks", folder);
  (void) snprintf(lock, sizeof lock, "%s/events", locks);
  (void) mkdir(locks, 0700);
  tells_what_happened();
  tells_how_it_ended();
  leaves_out_what_does_not_fit();
  needs_the_operation();
  follows_no_link();
  puts_aside_what_is_large();
  (void) unlink(path);
  (void) unlink(lock);
  (void) rmdir(locks);
  (void) rmdir(folder);
  return done_testing();
}
