/**
 * Takes away blobs and layers that nothing leads to: what killed processes left, what a version of
 * us before made, what lost its last name.
 *
 * Whoever is about to rely on a blob or a layer holds the lock `images` shared until a reference or
 * a record says so. So what nothing leads to while that lock is held exclusively is garbage. All that
 * takes time happens without the lock: finding what may be garbage before, deleting it afterwards.
 * Under it stands a second look at the references, and renames.
 */
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { type ChainId, type Digest, isDigest } from "../oci/digest.ts";
import { hide, removeGone } from "../store/gone.ts";
import { lock } from "../store/lock.ts";
import { storeError } from "../store/store-error.ts";
import { namesIn } from "../util/names-in.ts";
import { errnoOf, isMissing } from "../util/system-error.ts";
import { LONGEST_KEPT_MS, removeDownloads } from "./download-garbage.ts";
import { hasStaleDrafts, hideStaleDrafts } from "./drafts.ts";
import type { ImageStore, LayerDirectory } from "./image-store.ts";
import { type Parts, type UsedParts, partsInUse } from "./reachable.ts";

/** What was taken out of sight. */
export interface Taken {
  readonly layers: readonly ChainId[];
  readonly blobs: readonly Digest[];
  /** Of the blobs, of what was unpacked, and of downloads broken off. */
  readonly bytes: number;
}

export interface CollectOptions {
  /** Leave what is younger than that: another tool may be writing it. Default: 0. */
  readonly graceMs?: number;
  readonly signal?: AbortSignal | undefined;
}

interface Candidates {
  readonly blobs: readonly Digest[];
  readonly directories: readonly LayerDirectory[];
}

/** For how long others are kept waiting at a time, and then left alone: as long as they may sleep. */
const LONGEST_HOLD_MS = 50;
const PAUSE_MS = 50;

/** Take away all that nothing leads to. Others may load, run and commit meanwhile. */
export async function collectGarbage(
  store: ImageStore,
  { graceMs = 0, signal }: CollectOptions = {},
): Promise<Taken> {
  try {
    let left = await findGarbage(store, graceMs);
    let hasDrafts = await hasStaleDrafts(store.paths);
    const all: Taken[] = [];
    for (let round = 0; hasDrafts || countOf(left) > 0; round++) {
      if (round > 0) await delay(PAUSE_MS, undefined, { signal });
      using _held = await lock(store.paths.lock("images"), {
        mode: "exclusive",
        fair: true,
        signal,
      });
      const deadline = performance.now() + LONGEST_HOLD_MS;
      if (hasDrafts) await hideStaleDrafts(store.paths);
      hasDrafts = false;
      const candidates = await lookAgain(store, left);
      const taken = await take(store, { candidates, deadline });
      all.push(taken);
      left = taken.left;
    }
    await sweepGone(store);
    const downloads = await removeDownloads(store.paths, {
      ...(graceMs > 0 && { olderThanMs: LONGEST_KEPT_MS }),
    });
    return {
      layers: all.flatMap(({ layers }) => layers),
      blobs: all.flatMap(({ blobs }) => blobs),
      bytes: all.reduce((sum, { bytes }) => sum + bytes, downloads),
    };
  } catch (error) {
    throw storeError(error, "collect garbage");
  }
}

function countOf({ blobs, directories }: Candidates): number {
  return blobs.length + directories.length;
}

/** What nothing leads to now; it has to be asked again under the lock. */
export async function findGarbage(store: ImageStore, graceMs = 0): Promise<Candidates> {
  const used = await partsInUse(store);
  const names = await namesIn(join(store.paths.blobs, "sha256"));
  const digests = names.map((name): Digest => `sha256:${name}`).filter(isDigest);
  const blobs = digests.filter((digest) => !used.blobs.has(digest));
  // For a quick look those will do that nobody needs in any form.
  const isWanted = (chainId: ChainId) => graceMs === 0 || !used.layers.has(chainId);
  const directories = await useless(store, await store.layers.list(isWanted), used);
  if (graceMs === 0) return { blobs, directories };
  const isOld = (path: string) => isOlder(path, Date.now() - graceMs);
  return {
    blobs: await those(blobs, (digest) => isOld(store.blobs.path(digest))),
    directories: await those(directories, ({ name }) => isOld(join(store.paths.layers, name))),
  };
}

/** The caller holds the lock. */
async function lookAgain(store: ImageStore, found: Candidates): Promise<Candidates> {
  const used = await partsInUse(store);
  const names = new Set(found.directories.map(({ name }) => name));
  const chainIds = new Set(found.directories.map(({ chainId }) => chainId));
  const now = await store.layers.list((chainId) => chainIds.has(chainId));
  return {
    blobs: found.blobs.filter((digest) => !used.blobs.has(digest)),
    directories: (await useless(store, now, used)).filter(({ name }) => names.has(name)),
  };
}

/**
 * Those whose layer nobody needs, or that nobody needs in this form: damaged, of an older format, or
 * for other ids than those of new containers while it is there for these, too. What a container
 * lies over stays in whatever form.
 */
async function useless(
  { layers }: ImageStore,
  directories: readonly LayerDirectory[],
  { layers: needed, byContainers }: UsedParts,
): Promise<readonly LayerDirectory[]> {
  if (byContainers === undefined) return [];
  return those(directories, async ({ chainId, name, record }) => {
    if (!needed.has(chainId)) return true;
    if (byContainers.has(chainId)) return false;
    if (record === undefined) return true;
    const current = await layers.current(chainId);
    return current !== undefined && current !== name;
  });
}

/**
 * Take those of `parts` out of sight that nothing leads to, and what killed writers left. The caller
 * holds the lock `images` exclusively, and calls `sweepGone` when it has let go of it.
 */
export async function takeUnreferenced(store: ImageStore, parts: Parts): Promise<Taken> {
  const used = await partsInUse(store);
  const blobs = [...parts.blobs].filter((digest) => !used.blobs.has(digest));
  const directories =
    used.byContainers === undefined
      ? []
      : await store.layers.list(
          (chainId) => parts.layers.has(chainId) && !used.layers.has(chainId),
        );
  const taken = await take(store, { candidates: { blobs, directories }, deadline: Infinity });
  await hideStaleDrafts(store.paths);
  return taken;
}

/** Delete what is out of sight. Needs no lock. */
export async function sweepGone(store: ImageStore): Promise<void> {
  await removeGone(store.paths.images);
  await store.layers.sweep();
}

interface Taking {
  readonly candidates: Candidates;
  /** In the time of `performance`. */
  readonly deadline: number;
}

async function take(
  store: ImageStore,
  { candidates, deadline }: Taking,
): Promise<Taken & { readonly left: Candidates }> {
  const taken = { blobs: [] as Digest[], layers: new Set<ChainId>(), bytes: 0 };
  const blobs = [...candidates.blobs];
  const directories = [...candidates.directories];
  // Blobs first: what a full disk lacks for the rest is theirs.
  while (blobs.length + directories.length > 0) {
    const digest = blobs.shift();
    if (digest !== undefined) {
      taken.bytes += await hideBlob(store, digest);
      taken.blobs.push(digest);
    } else {
      const some = directories.splice(0, 1);
      const gone = await store.layers.withdraw(some.map(({ name }) => name));
      for (const { name, chainId, record } of some) {
        if (!gone.includes(name)) continue; // somebody unpacks another one above it
        taken.layers.add(chainId);
        taken.bytes += record?.size ?? 0;
      }
    }
    if (performance.now() >= deadline) break;
  }
  return { ...taken, layers: [...taken.layers], left: { blobs, directories } };
}

/** How large it was. */
async function hideBlob({ blobs, paths }: ImageStore, digest: Digest): Promise<number> {
  const path = blobs.path(digest);
  try {
    const { size } = await stat(path);
    await hide(path, paths.images);
    return size;
  } catch (error) {
    if (isMissing(error)) return 0;
    const errno = errnoOf(error);
    if (errno !== "ENOSPC" && errno !== "EDQUOT") throw error;
    await rm(path, { force: true }); // there is not even room for another name
    return 0;
  }
}

async function isOlder(path: string, timeMs: number): Promise<boolean> {
  try {
    return (await stat(path)).ctimeMs < timeMs;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

async function those<T>(list: readonly T[], holds: (one: T) => Promise<boolean>): Promise<T[]> {
  const found: T[] = [];
  for (const one of list) if (await holds(one)) found.push(one);
  return found;
}
