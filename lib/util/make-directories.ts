/** A directory and those above it. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { errnoOf } from "./system-error.ts";

/**
 * `mkdir -p`. That of node:fs never returns below /proc, where making an entry is ENOENT although
 * its parent is there (seen with Node 20 to 24).
 */
export async function makeDirectories(path: string, mode: number): Promise<void> {
  if ((await tryMake(path, mode)) !== "ENOENT") return;
  const parent = dirname(path);
  if (parent !== path) await makeDirectories(parent, mode);
  if ((await tryMake(path, mode)) === "ENOENT") await mkdir(path, mode); // says why itself
}

/** What stood in the way, if it is not the directory itself. */
async function tryMake(path: string, mode: number): Promise<"ENOENT" | undefined> {
  try {
    await mkdir(path, mode);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT") return errno;
    if (errno !== "EEXIST") throw error;
  }
  return undefined;
}
