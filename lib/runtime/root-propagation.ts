/** config.json's `linux.rootfsPropagation` → what becomes of the host's mounts, and of the root. */
import { MarmitaError } from "../errors.ts";
import { type Plan, ROOT_ALONE, ROOT_BIND } from "../native/plan.ts";

/** MS_… of mount(2). */
const REC = 0x4000;
const FLAGS: Readonly<Record<string, number>> = {
  unbindable: 1 << 17,
  private: 1 << 18,
  slave: 1 << 19,
  shared: 1 << 20,
};

export interface RootPropagation {
  /** In the place of `propagation`, at the beginning. */
  readonly before: Plan;
  /** Flags of the operation `root`. */
  readonly rootFlags: number;
  /** After `pivot`. */
  readonly after: Plan;
}

/**
 * Also with a leading `r`, for all mounts below. Without the property, and but for `shared`, the
 * host's mounts appear in the container's and not the other way round. With `shared` a mount that
 * is `shared` itself lets them through both ways, where the container has the host's user namespace
 * and what is mounted is on another mount than the root file system. Throws `INVALID_ARGUMENT` with `details.field`.
 */
export function rootPropagation(word: string | undefined): RootPropagation {
  if (word === undefined || word === "") {
    return { before: [["propagation"]], rootFlags: ROOT_BIND, after: [] };
  }
  const single = word.replace(/^r/, "");
  const flag = Object.hasOwn(FLAGS, single) ? FLAGS[single] : undefined;
  if (flag === undefined) {
    const field = "linux.rootfsPropagation";
    const words = Object.keys(FLAGS).join(", ");
    const text = `config.json: ${field}: expected one of ${words}, got ${JSON.stringify(word)}`;
    throw new MarmitaError("INVALID_ARGUMENT", text, { details: { field } });
  }
  const isShared = single === "shared";
  return {
    before: isShared ? [] : [["propagation"]],
    rootFlags: ROOT_BIND | (isShared ? ROOT_ALONE : 0),
    after: [["root-propagation", flag | (word === single ? 0 : REC)]],
  };
}
