/** How much lies in directories that mapped ids own. */
import { type UserNamespace, runVerb } from "../native/helper.ts";
import { storeError } from "../store/store-error.ts";
import { JsonReader } from "../util/json.ts";

/** The sizes of all but directories, what has several names once: what Docker calls a size. */
export interface TreeSize {
  readonly bytes: number;
  readonly entries: number;
  /** Something was left out: unreadable, or too deep. */
  readonly isPartial: boolean;
}

/** Their names have to fit the arguments of a process. */
const TREES_AT_ONCE = 256;

/** One for each path, in their order. What is not there is empty; what changes meanwhile may count. */
export async function measureTrees(
  namespace: UserNamespace,
  paths: readonly string[],
): Promise<readonly TreeSize[]> {
  const sizes: TreeSize[] = [];
  try {
    for (let at = 0; at < paths.length; at += TREES_AT_ONCE) {
      const args = paths.slice(at, at + TREES_AT_ONCE);
      await runVerb("measure", {
        args,
        namespace,
        onEvent(event) {
          if (event.event !== "measured") return;
          const fields = new JsonReader(event, "event of the helper");
          const isPartial = fields.size("partial") !== 0;
          sizes.push({ bytes: fields.size("bytes"), entries: fields.size("entries"), isPartial });
        },
      });
    }
    return sizes;
  } catch (error) {
    throw storeError(error, "measure");
  }
}
