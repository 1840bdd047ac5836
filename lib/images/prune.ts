/** Removes the images that nobody needs: `docker image prune`. */
import type { Digest } from "../oci/digest.ts";
import { lock } from "../store/lock.ts";
import { storeError } from "../store/store-error.ts";
import { isNeeded, obstaclesOf } from "./conflicts.ts";
import { collectGarbage, sweepGone } from "./garbage.ts";
import type { ImageStore } from "./image-store.ts";
import { type StoredImage, namesOf } from "./names.ts";
import {
  type Finder,
  type RemovedImage,
  deleteImages,
  knownBy,
  lookAhead,
  untagged,
} from "./remove.ts";

export interface PruneOptions {
  /** Also images that have a name, when no container needs them. Default: false. */
  readonly all?: boolean;
  /** Which of these may go. Default: every one. */
  readonly may?: ((image: PrunableImage) => boolean) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What tells whether an image may go. */
export interface PrunableImage {
  readonly id: Digest;
  /** RFC 3339, when the image says it. */
  readonly created: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

export interface PrunedImages {
  readonly images: readonly RemovedImage[];
  /** Of their blobs and layers, and of what nothing led to before. */
  readonly reclaimedBytes: number;
}

/** And whatever else lies in the store that no image and no container needs. */
export async function prune(
  store: ImageStore,
  finder: Finder,
  options: PruneOptions = {},
): Promise<PrunedImages> {
  try {
    await lookAhead(store, finder);
    const pruned = await pruneLocked(store, finder, options);
    await sweepGone(store);
    const { bytes } = await collectGarbage(store, { signal: options.signal });
    return { ...pruned, reclaimedBytes: pruned.reclaimedBytes + bytes };
  } catch (error) {
    throw storeError(error, "prune images");
  }
}

async function pruneLocked(
  store: ImageStore,
  finder: Finder,
  { all = false, may = () => true, signal }: PruneOptions,
): Promise<PrunedImages> {
  await using _held = await lock(store.paths.lock("images"), {
    mode: "exclusive",
    fair: true,
    signal,
  });
  const doomed: StoredImage[] = [];
  const unnamed: StoredImage[] = [];
  let left = await finder.listStored();
  for (const stored of childrenFirst(left)) {
    const names = namesOf(stored);
    if ((names.length > 0 && !all) || !may(prunable(stored))) continue;
    const { users, children } = await obstaclesOf(store, stored, left);
    if (users.length > 0) continue;
    if (isNeeded({ users, children })) {
      if (names.length > 0) unnamed.push(stored);
      continue;
    }
    doomed.push(stored);
    left = left.filter((one) => one !== stored);
  }
  if (doomed.length + unnamed.length === 0) return { images: [], reclaimedBytes: 0 };
  const { deleted, bytes } = await deleteImages(store, doomed, unnamed.flatMap(namesOf));
  return {
    images: [
      ...doomed.map((stored, at) => ({
        untagged: untagged(knownBy(stored)),
        deleted: deleted[at] ?? [],
      })),
      ...unnamed.map((stored) => ({ untagged: namesOf(stored), deleted: [] })),
    ],
    reclaimedBytes: bytes,
  };
}

/** A child has more history than what it was made from. */
function childrenFirst(images: readonly StoredImage[]): readonly StoredImage[] {
  const depth = ({ content }: StoredImage) => content.config.history.length;
  return images.toSorted((one, other) => depth(other) - depth(one));
}

function prunable({ content }: StoredImage): PrunableImage {
  const { created, config } = content.config;
  return { id: content.id, created, labels: config.Labels ?? {} };
}
