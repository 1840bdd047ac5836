/** A file of downloads that nobody is at: pruning needs no more of them than that. */
import { closeSync } from "node:fs";
import { rm, stat } from "node:fs/promises";

import { tryLock } from "../native/syscalls.ts";
import { isMissing } from "../util/system-error.ts";

/** How large it was; `undefined` when somebody is at it, or it is gone. */
export async function removeUnused(path: string): Promise<number | undefined> {
  const held = tryHold(path);
  if (held === undefined) return undefined;
  try {
    const size = await sizeOf(path);
    await rm(path, { force: true });
    return size;
  } finally {
    closeSync(held);
  }
}

function tryHold(path: string): number | undefined {
  try {
    return tryLock(path, "exclusive", { create: false });
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** In bytes; `undefined` when it is not there. */
export async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
