/** Where what is to become an image is put together; and what killed writers left of that. */
import { closeSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";

import { tryLock } from "../native/syscalls.ts";
import { draftPath, isDraft } from "../store/atomic.ts";
import { hide, removeGone } from "../store/gone.ts";
import { lock, tryOnce } from "../store/lock.ts";
import type { Paths } from "../store/paths.ts";
import { namesIn } from "../util/names-in.ts";
import { errnoOf, isMissing } from "../util/system-error.ts";

/** Deleted when it is disposed of. */
export interface Draft extends AsyncDisposable {
  /** An empty directory on the file system of the store. */
  readonly path: string;
}

const LOCK = "lock";

/**
 * It stays for as long as this process lives and has not disposed of it; no other lock is needed
 * meanwhile, however long that is.
 */
export async function openDraft(paths: Paths, signal?: AbortSignal): Promise<Draft> {
  // Until it is locked itself it could be taken for a dead process's.
  using _held = await lock(paths.lock("images"), { mode: "shared", signal });
  const directory = draftPath(paths.images);
  const path = join(directory, "work");
  const remove = () => rm(directory, { recursive: true, force: true, maxRetries: 3 });
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    // Somebody who looks whether it is stale may hold it for a moment.
    const own = await lock(join(directory, LOCK), { mode: "exclusive", signal });
    return {
      path,
      async [Symbol.asyncDispose]() {
        await remove();
        own[Symbol.dispose]();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/**
 * Put what killed writers left out of sight. The caller holds the lock `images` exclusively, so that
 * nobody writes but to drafts with a lock of their own.
 */
export async function hideStaleDrafts(paths: Paths): Promise<void> {
  for (const draft of await staleDrafts(paths)) await hide(draft, paths.images);
}

/** A look without the lock: what is being written just now may count as stale. */
export async function hasStaleDrafts(paths: Paths): Promise<boolean> {
  return (await staleDrafts(paths)).length > 0;
}

async function staleDrafts(paths: Paths): Promise<readonly string[]> {
  const found: string[] = [];
  for (const directory of [paths.images, paths.blobs]) {
    const names = (await namesIn(directory)).filter(isDraft);
    found.push(...names.map((name) => join(directory, name)).filter(isStale));
  }
  return found;
}

/** The same, unless others are at work: then they, or the next one, will. */
export async function clearStaleDrafts(paths: Paths): Promise<void> {
  {
    using held = await tryOnce(paths.lock("images"), "exclusive");
    if (held === undefined) return;
    await hideStaleDrafts(paths);
  }
  await removeGone(paths.images);
}

function isStale(draft: string): boolean {
  try {
    const fd = tryLock(join(draft, LOCK), "exclusive", { create: false });
    if (fd !== undefined) closeSync(fd);
    return fd !== undefined;
  } catch (error) {
    if (isMissing(error) || errnoOf(error) === "ENOTDIR") return true;
    throw error;
  }
}
