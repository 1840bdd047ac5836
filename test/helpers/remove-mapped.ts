/** Removes what belongs to mapped ids, which the user who mapped them may not remove by hand. */
import { runVerb } from "../../lib/native/helper.ts";
import { openNamespace } from "../../lib/runtime/namespace.ts";

/** `rm -rf path` as root of a user namespace with this user's ids. */
export async function removeMapped(path: string): Promise<void> {
  const { namespace } = await openNamespace();
  try {
    await runVerb("remove", { args: [path], namespace });
  } finally {
    namespace.close();
  }
}
