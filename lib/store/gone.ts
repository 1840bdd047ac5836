/**
 * Taking things away in two steps: out of sight by a rename, which is quick and whole, and then
 * deleting, which may take its time. What is out of sight is nobody's: whoever finds it deletes it,
 * several at once if need be.
 */
import { randomUUID } from "node:crypto";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";

import { namesIn } from "../util/names-in.ts";
import { isMissing } from "../util/system-error.ts";

const GONE_PREFIX = ".gone-";

export function isGone(name: string): boolean {
  return name.startsWith(GONE_PREFIX);
}

/** A fresh name in `directory`, at which nobody looks but to delete it. */
export function gonePath(directory: string): string {
  return join(directory, `${GONE_PREFIX}${randomUUID()}`);
}

/** Move `path` out of sight within `directory`; `undefined` when it is not there. */
export async function hide(path: string, directory: string): Promise<string | undefined> {
  const gone = gonePath(directory);
  try {
    await rename(path, gone);
    return gone;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Delete what lies out of sight in `directory`; that it is not there is fine. */
export async function removeGone(directory: string): Promise<void> {
  for (const name of await namesIn(directory)) {
    if (isGone(name)) await rm(join(directory, name), { recursive: true, force: true });
  }
}
