#include "oom_score.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int oom_score_lend(const struct plan *plan, int file, struct oom_score *ret_own,
                   struct failure *why) {
  const char *score = plan_text(plan, PLAN_OOM_SCORE_ADJ);

  if (score == NULL)
    return 0;
  const ssize_t n = pread(file, ret_own->own, sizeof ret_own->own - 1, 0);
  if (n < 0)
    return fail(why, errno, "read the own oom_score_adj");
  ret_own->own[n] = '\0';
  if (pwrite(file, score, strlen(score), 0) < 0)
    return fail(why, errno, "write %s to oom_score_adj", score);
  return 0;
}

/* What we had once we may have again, whatever the privilege. */
void oom_score_restore(int file, const struct oom_score *own) {
  if (own->own[0] != '\0')
    (void) pwrite(file, own->own, strlen(own->own), 0);
}
