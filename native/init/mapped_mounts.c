#include "mapped_mounts.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/mounts.h"
#include "../core/userns.h"

/* Many mounts of one container have the same maps. */
struct last {
  const char *uids;
  const char *gids;
  int userns;
};

static int find_userns(struct last *last, const union argument *arguments, struct failure *why) {
  const struct id_maps maps = {.uids = arguments[3].text, .gids = arguments[4].text};

  if (last->userns >= 0 && strcmp(last->uids, maps.uids) == 0 && strcmp(last->gids, maps.gids) == 0)
    return 0;
  if (last->userns >= 0)
    (void) close(steal_fd(&last->userns));
  last->uids = maps.uids;
  last->gids = maps.gids;
  return userns_make(&maps, &last->userns, why);
}

static int make(struct mapped_mounts *mounts, struct last *last, const union argument *arguments,
                struct failure *why) {
  const struct bind_request request = {
      .source = arguments[0].text,
      .target = arguments[1].text,
      .flags = arguments[2].number,
  };

  if (mounts->count == MAPPED_MOUNTS_MAX)
    return fail(why, E2BIG, "map the ids of more than %d mounts", MAPPED_MOUNTS_MAX);
  if (find_userns(last, arguments, why) < 0)
    return fail_while(why, "map the ids of the mount on %s", request.target);
  if (mounts_map(&request, last->userns, &mounts->fds[mounts->count], why) < 0)
    return -why->errnum;
  mounts->count++;
  return 0;
}

int mapped_mounts_make(const struct plan *plan, struct mapped_mounts *ret_mounts,
                       struct failure *why) {
  struct mapped_mounts mounts = {0};
  struct last last = {.userns = -1};
  int r = 0;

  for (size_t i = 0; i < plan->count && r == 0; i++)
    if (plan->operations[i].code == PLAN_BIND_MAPPED)
      r = make(&mounts, &last, plan->operations[i].arguments, why);
  if (last.userns >= 0)
    (void) close(last.userns);
  if (r < 0)
    mapped_mounts_close(&mounts);
  else
    *ret_mounts = mounts;
  return r;
}

void mapped_mounts_close(struct mapped_mounts *mounts) {
  while (mounts->count > 0)
    (void) close(mounts->fds[--mounts->count]);
}
