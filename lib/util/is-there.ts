/** Whether a path leads to something. */
import { lstat, type stat } from "node:fs/promises";

import { isMissing } from "./system-error.ts";

/** With `stat` for `look`, a link that leads nowhere counts as absent. */
export async function isThere(
  path: string,
  look: typeof lstat | typeof stat = lstat,
): Promise<boolean> {
  try {
    await look(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
