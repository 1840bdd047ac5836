#include "id_maps.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "../core/userns.h"

bool id_maps_are_asked(const struct plan *plan) {
  const struct operation *namespaces = plan_find(plan, PLAN_NAMESPACES);

  return namespaces != NULL && (namespaces->arguments[0].number & CLONE_NEWUSER) != 0;
}

int id_maps_write(const struct plan *plan, pid_t pid, struct failure *why) {
  const char *setgroups = plan_text(plan, PLAN_SETGROUPS);
  const char *by = plan_text(plan, PLAN_MAP_BY);
  const struct id_maps maps = {
      .uids = plan_text(plan, PLAN_UID_MAP),
      .gids = plan_text(plan, PLAN_GID_MAP),
      .deny_setgroups = setgroups != NULL && strcmp(setgroups, "deny") == 0,
  };

  if (!id_maps_are_asked(plan))
    return 0;
  if (maps.uids == NULL || maps.gids == NULL)
    return fail(why, EINVAL, "the plan has no id maps");
  return by != NULL && strcmp(by, "helpers") == 0 ? userns_call_helpers(pid, &maps, why)
                                                  : userns_write_maps(pid, &maps, why);
}
