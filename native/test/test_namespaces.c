/* test_namespaces.c — whose namespaces a live file means. */
#include "../init/namespaces.h"

#include <stdio.h>
#include <unistd.h>

#include "../init/report.h"
#include "tap.h"

/* As run.c writes it. */
static struct report live_of(const struct namespaces_holder *holder) {
  struct report live = report_open(NULL);

  report_number(&live, "pid", holder->pid);
  report_number(&live, "pidStart", holder->start);
  report_text(&live, "bootId", holder->boot);
  report_number(&live, "keeper", 1);
  return live;
}

static void reads_what_is_written(void) {
  const struct namespaces_holder own = namespaces_holder_of(getpid());
  struct namespaces_holder read = {0};
  struct report live = live_of(&own);

  is_int(own.start > 0, 1, "a process has a start");
  is_int(namespaces_read_holder(report_finish(&live), &read), 1, "what is written can be read");
  is_int(read.pid, getpid(), "its process");
  is_int(read.start == own.start, 1, "its start");
  is_text(read.boot, own.boot, "the boot");
}

static void refuses_the_rest(void) {
  static const char *const texts[] = {
      "",
      "{}",
      "{\"version\":1}",
      "{\"version\":2,\"pid\":12,\"pidStart\":34,\"bootId\":\"5-6\"}",
      "{\"version\":1,\"pid\":0,\"pidStart\":34,\"bootId\":\"5-6\"}",
      "{\"version\":1,\"pid\":-1,\"pidStart\":34,\"bootId\":\"5-6\"}",
      "{\"version\":1,\"pid\":12,\"pidStart\":0,\"bootId\":\"5-6\"}",
      "{\"version\":1,\"pid\":12,\"pidStart\":34,\"bootId\":\"\"}",
  };
  struct namespaces_holder untouched = {.pid = 7};

  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    is_int(namespaces_read_holder(texts[i], &untouched), 0, texts[i]);
  is_int(untouched.pid, 7, "and nothing comes of them");
}

static void knows_who_is_gone(void) {
  const struct namespaces_holder nobody = namespaces_holder_of(1 << 30);

  is_int(nobody.start, 0, "who is not there has no start");
}

int main(void) {
  reads_what_is_written();
  refuses_the_rest();
  knows_who_is_gone();
  return done_testing();
}
