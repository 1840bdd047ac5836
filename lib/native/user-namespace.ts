/** Makes a user namespace that lives as long as its descriptor. */
import { closeSync } from "node:fs";
import { binding } from "./binding.ts";
import {
  callAddon,
  formatIdMap,
  Helper,
  HelperFailure,
  type HelperEvent,
  type IdExtent,
  type UserNamespace,
} from "./helper.ts";

/**
 * Make a user namespace with these maps. `helpers` calls newuidmap and newgidmap, `direct` needs
 * CAP_SETUID and CAP_SETGID here, `single` maps one id of our own and denies setgroups.
 */
export async function createUserNamespace(options: {
  readonly mode: "helpers" | "direct" | "single";
  readonly uids: readonly IdExtent[];
  readonly gids: readonly IdExtent[];
}): Promise<UserNamespace> {
  const { mode, uids, gids } = options;
  const [ours, theirs] = callAddon(() => binding().socketPair());
  try {
    const helper = Helper.start("mapped", {
      args: [mode, formatIdMap(uids), formatIdMap(gids)],
      extra: [theirs],
    });
    let last: HelperEvent | undefined;
    for await (const event of helper.events) last = event;
    if (last?.event !== "mapped") {
      throw new HelperFailure(last ?? { event: "failed", what: "make a user namespace" });
    }
    const fd = callAddon(() => binding().receive(ours));
    return { fd, uids, gids, close: () => closeSync(fd) };
  } finally {
    closeSync(ours);
    closeSync(theirs);
  }
}
