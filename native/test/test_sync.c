/* test_sync.c — the conversation of keeper and child, without either. */
#include "../core/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "tap.h"

static struct failure why;

static void tells_failures(int keeper, int child) {
  struct failure theirs = {.errnum = ENOENT, .step = "exec", .what = "exec /no/such"};

  sync_report(child, &theirs);
  is_int(sync_expect(keeper, SYNC_READY, &why), -ENOENT, "the child's failure is the keeper's");
  is_text(why.what, "exec /no/such", "in its words");
  is_text(why.step, "exec", "with its step");
  theirs.errnum = 0;
  sync_report(child, &theirs);
  is_int(sync_expect_exec(keeper, &why), -EPROTO, "one without a number is a failure all the same");
}

static void passes_descriptors(int keeper, int child) {
  int got = -1;

  is_int(sync_send_fd(child, SYNC_TERMINAL, child, &why), 0, "a descriptor is sent");
  is_int(sync_expect_fd(keeper, SYNC_TERMINAL, &got, &why), 0, "and received");
  is_int(fcntl(got, F_GETFD), FD_CLOEXEC, "closed on exec");
  (void) close(got);
  is_int(sync_send(child, SYNC_TERMINAL, &why), 0, "a message without one");
  is_int(sync_expect_fd(keeper, SYNC_TERMINAL, &got, &why), -EPROTO, "is not what was expected");
  is_int(sync_send(child, SYNC_READY, &why), 0, "another message");
  is_int(sync_expect(keeper, SYNC_TERMINAL, &why), -EPROTO, "is neither");
}

static void knows_its_end(int keeper, int child) {
  is_int(sync_is_over(child), 0, "while both are there it is not over");
  is_int(sync_send(keeper, SYNC_PROCEED, &why), 0, "the keeper says its last word");
  is_int(sync_is_over(child), 0, "which is not its end");
  (void) close(keeper);
  is_int(sync_is_over(child), 1, "but its death is");
  is_int(sync_expect(child, SYNC_PROCEED, &why), 0, "the word is heard");
  is_int(sync_expect(child, SYNC_PROCEED, &why), -EPIPE, "and then the end");
  is_int(sync_send(child, SYNC_READY, &why), -EPIPE, "to which nothing can be told");
}

/* The kernel tells of it in another way (ECONNRESET, once). */
static void knows_an_end_before_the_last_word(void) {
  int keeper = -1, child = -1;

  is_int(sync_open(&keeper, &child, &why), 0, "another conversation");
  is_int(sync_send(keeper, SYNC_PROCEED, &why), 0, "the keeper says what nobody will hear");
  (void) close(child);
  is_int(sync_expect_exec(keeper, &why), -EPIPE, "a child that died before it heard did not exec");
  is_text(why.what, "wait for exec: peer died", "which is what is said of it");
  (void) close(keeper);
  is_int(sync_open(&keeper, &child, &why), 0, "and one more");
  is_int(sync_send(keeper, SYNC_MAPPED, &why), 0, "where more is to come");
  (void) close(child);
  is_int(sync_expect(keeper, SYNC_READY, &why), -EPIPE, "a child that died is not ready either");
  is_text(why.what, "wait for ready: peer died", "in the words for any such end");
  (void) close(keeper);
}

int main(void) {
  int keeper = -1, child = -1;

  if (sync_open(&keeper, &child, &why) < 0)
    return 1;
  tells_failures(keeper, child);
  passes_descriptors(keeper, child);
  knows_its_end(keeper, child);
  knows_an_end_before_the_last_word();
  return done_testing();
}
