/** The one way into the store: layers and blobs, then references. */
import { stat } from "node:fs/promises";

import type { PreparedLayers } from "../layers/prepare.ts";
import type { ChainId, Digest } from "../oci/digest.ts";
import type { DraftBlob } from "../store/blobs.ts";
import { lock, tryOnce } from "../store/lock.ts";
import { storeError } from "../store/store-error.ts";
import { throwIfAborted } from "../util/abort.ts";
import { Disposer } from "../util/disposer.ts";
import { isThere } from "../util/is-there.ts";
import { clearStaleDrafts, openDraft } from "./drafts.ts";
import { sweepGone, takeUnreferenced } from "./garbage.ts";
import type { ImageStore } from "./image-store.ts";
import { takeBlobs } from "./new-blobs.ts";
import type { NewImage } from "./new-image.ts";

export interface Addition {
  /** An empty directory on the file system of the store, gone afterwards. */
  readonly draft: string;
  /**
   * All or nothing: until the last step no name leads to any of it. What takes its time happens
   * without the lock that keeps the collector away. Layers that were prepared before stay the
   * caller's to dispose of; without them they are prepared here.
   */
  readonly add: (images: readonly NewImage[], prepared?: PreparedLayers) => Promise<void>;
}

export interface AddOptions {
  readonly signal?: AbortSignal | undefined;
}

/** What was not there before: to be taken away again when the work fails. */
interface Made {
  readonly blobs: Set<Digest>;
  readonly layers: Set<ChainId>;
}

/** Rejects with a `MarmitaError` or an `AbortError`, and then leaves nothing behind. */
export async function addImages<T>(
  store: ImageStore,
  options: AddOptions,
  work: (addition: Addition) => Promise<T>,
): Promise<T> {
  const made: Made = { blobs: new Set(), layers: new Set() };
  try {
    const { signal } = options;
    await clearStaleDrafts(store.paths).catch(() => undefined); // the next one's, then
    await using draft = await openDraft(store.paths, signal);
    const add: Addition["add"] = (images, prepared) =>
      storeAll(store, images, { made, signal, prepared, draft: draft.path });
    return await work({ draft: draft.path, add });
  } catch (error) {
    await takeBack(store, made);
    throw storeError(error, "store image");
  }
}

interface StoreContext extends AddOptions {
  readonly made: Made;
  /** A directory for what is to be stored. */
  readonly draft: string;
  readonly prepared: PreparedLayers | undefined;
}

async function storeAll(
  store: ImageStore,
  images: readonly NewImage[],
  context: StoreContext,
): Promise<void> {
  const { made, signal } = context;
  await using undo = new Disposer();
  const { drafts, kept } = await takeBlobs(store.blobs, images, context);
  const prepared = await prepare(store, images, { ...context, undo, drafts, kept });
  throwIfAborted(signal);
  await using _held = await lock(store.paths.lock("images"), { mode: "shared", signal });
  for (const { chainId } of images.flatMap(({ content }) => content.layers)) {
    if (!(await isThere(store.paths.layer(chainId), stat))) made.layers.add(chainId);
  }
  // A layer without its blob is what a collector takes; a name comes last.
  await prepared.place();
  const blobs = [...drafts.values()];
  for (const blob of kept) if (!(await store.blobs.has(blob.digest))) blobs.push(blob);
  for (const { digest } of blobs) made.blobs.add(digest);
  await store.blobs.adopt(...blobs);
  throwIfAborted(signal);
  const named = images.flatMap(({ names, descriptor, repoDigests }) =>
    (names.length === 0 ? [undefined] : names).map((name) => ({ name, descriptor, repoDigests })),
  );
  await store.references.set(...named);
}

interface PrepareContext extends StoreContext {
  readonly undo: Disposer;
  readonly drafts: ReadonlyMap<Digest, DraftBlob>;
  readonly kept: readonly DraftBlob[];
}

/** The layers are unpacked while their blobs go to the disk. */
async function prepare(
  store: ImageStore,
  images: readonly NewImage[],
  { prepared, signal, undo, drafts, kept }: PrepareContext,
): Promise<PreparedLayers> {
  // Also of those that are in the store, from which they may be removed any time.
  const files = new Map([...kept, ...drafts.values()].map(({ draft, digest }) => [digest, draft]));
  const sources = images.map(({ content }) =>
    content.layers.map(({ chainId, diffId, descriptor }) => {
      return { chainId, diffId, blob: descriptor, file: files.get(descriptor.digest) };
    }),
  );
  // All at once: the file system writes them out together.
  const [synced, layers] = await Promise.allSettled([
    store.blobs.sync(...drafts.values()),
    prepared ?? store.layers.prepareAll(sources, { signal }),
  ]);
  if (prepared === undefined && layers.status === "fulfilled") {
    undo.defer(() => layers.value[Symbol.asyncDispose]());
  }
  if (synced.status === "rejected") throw synced.reason;
  if (layers.status === "rejected") throw layers.reason;
  return layers.value;
}

/** When others hold the lock they may rely on it already: then it is left to the next removal. */
async function takeBack(store: ImageStore, made: Made): Promise<void> {
  if (made.blobs.size === 0 && made.layers.size === 0) return;
  try {
    {
      await using held = await tryOnce(store.paths.lock("images"), "exclusive");
      if (held === undefined) return;
      await takeUnreferenced(store, made);
    }
    await sweepGone(store);
  } catch {
    // The error that brought us here is the one to report.
  }
}
