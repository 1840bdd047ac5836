/** Files that are there whole or not at all: draft, fsync, rename. */
import { randomUUID } from "node:crypto";
import { open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Drafts are named so that a collector can tell them from what is committed. */
const DRAFT_PREFIX = ".draft-";

export interface WriteAtomicOptions {
  /** Whether the bytes must survive a power cut from now on. On unless said. */
  readonly durable?: boolean;
  readonly mode?: number;
}

/** A fresh name in `directory`, which nothing else will use. */
export function draftPath(directory: string): string {
  return join(directory, `${DRAFT_PREFIX}${randomUUID()}`);
}

export function isDraft(name: string): boolean {
  return name.startsWith(DRAFT_PREFIX);
}

/** Replace the file at `path`. Readers see the old bytes or the new, never a part. */
export async function writeAtomic(
  path: string,
  bytes: string | Uint8Array,
  options: WriteAtomicOptions = {},
): Promise<void> {
  const { durable = true, mode = 0o644 } = options;
  const draft = draftPath(dirname(path));
  try {
    const file = await open(draft, "wx", mode);
    try {
      await file.writeFile(bytes);
      if (durable) await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  if (durable) await syncDirectory(dirname(path));
}

/** Make renames, links and removals in a directory survive a power cut. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Make a file's bytes survive a power cut. */
export async function syncFile(path: string): Promise<void> {
  const handle = await open(path, "r+");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** What killed writers left behind. Only for whoever holds the lock that excludes live ones. */
export async function removeDrafts(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!isDraft(name)) continue;
    await rm(join(directory, name), { recursive: true, force: true });
  }
}
