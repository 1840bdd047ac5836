/** The one way into the store: layers and blobs, then references. */
import { stat } from "node:fs/promises";

import { MarmitaError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { ChainId, Digest } from "../oci/digest.ts";
import type { BlobStore, DraftBlob } from "../store/blobs.ts";
import { lock, tryOnce } from "../store/lock.ts";
import { storeError } from "../store/store-error.ts";
import { throwIfAborted } from "../util/abort.ts";
import { Disposer } from "../util/disposer.ts";
import { isThere } from "../util/is-there.ts";
import type { TakenMember } from "./archive.ts";
import { clearStaleDrafts, openDraft } from "./drafts.ts";
import { sweepGone, takeUnreferenced } from "./garbage.ts";
import type { ImageContent, ImageLayer } from "./image.ts";
import type { ImageStore } from "./image-store.ts";

/** An image about to be stored. */
export interface NewImage {
  readonly content: ImageContent;
  readonly names: readonly string[];
  /** Of the manifest. */
  readonly descriptor: Descriptor;
  readonly manifest: Uint8Array;
  readonly config: Uint8Array;
  /** A layer's blob as a draft on the same file system; `undefined` where it is not at hand. */
  takeLayer(descriptor: Descriptor): Promise<TakenMember | undefined>;
}

export interface Addition {
  /** An empty directory on the file system of the store, gone afterwards. */
  readonly draft: string;
  /**
   * All or nothing: until the last step no name leads to any of it. Holds the lock that keeps the
   * collector away; what comes before may take its time without it.
   */
  readonly add: (images: readonly NewImage[]) => Promise<void>;
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
    const add = async (images: readonly NewImage[]): Promise<void> => {
      await using _held = await lock(store.paths.lock("images"), { mode: "shared", signal });
      await storeAll(store, images, { made, signal });
    };
    return await work({ draft: draft.path, add });
  } catch (error) {
    await takeBack(store, made);
    throw storeError(error, "store image");
  }
}

interface StoreContext extends AddOptions {
  readonly made: Made;
}

async function storeAll(
  store: ImageStore,
  images: readonly NewImage[],
  context: StoreContext,
): Promise<void> {
  for (const image of images) await storeParts(store, image, context);
  throwIfAborted(context.signal);
  const named = images.flatMap(({ names, descriptor }) =>
    (names.length === 0 ? [undefined] : names).map((name) => ({ name, descriptor })),
  );
  await store.references.set(...named);
}

/** The layers are unpacked while their blobs go to the disk. */
async function storeParts(
  store: ImageStore,
  image: NewImage,
  context: StoreContext,
): Promise<void> {
  await using undo = new Disposer();
  const drafts = await takeBlobs(store, image, { ...context, undo });
  // All at once: the file system writes them out together.
  const done = await Promise.allSettled([
    store.blobs.sync(...drafts.values()),
    storeLayers(store, image.content.layers, { ...context, drafts }),
  ]);
  for (const one of done) if (one.status === "rejected") throw one.reason;
  for (const digest of drafts.keys()) context.made.blobs.add(digest);
  await store.blobs.adopt(...drafts.values());
}

/** Those that are not there yet. */
async function takeBlobs(
  { blobs }: ImageStore,
  image: NewImage,
  { signal, undo }: StoreContext & { readonly undo: Disposer },
): Promise<ReadonlyMap<Digest, DraftBlob>> {
  const drafts = new Map<Digest, DraftBlob>();
  for (const { descriptor } of image.content.layers) {
    throwIfAborted(signal);
    if (drafts.has(descriptor.digest) || (await hasWhole(blobs, descriptor))) continue;
    drafts.set(descriptor.digest, await takeLayer(image, descriptor));
  }
  for (const bytes of [image.config, image.manifest]) {
    const descriptor = bytes === image.config ? image.content.manifest.config : image.descriptor;
    if (await hasWhole(blobs, descriptor)) continue;
    const draft = await blobs.draftOf(bytes);
    undo.defer(() => draft[Symbol.asyncDispose]());
    drafts.set(descriptor.digest, draft);
  }
  return drafts;
}

async function takeLayer(image: NewImage, descriptor: Descriptor): Promise<TakenMember> {
  const { digest } = descriptor;
  const taken = await image.takeLayer(descriptor);
  if (taken === undefined) {
    throw new MarmitaError("CORRUPT", `layer ${digest} is missing`, { details: { digest } });
  }
  if (taken.digest === digest) return taken;
  throw new MarmitaError("CORRUPT", `blob ${digest} holds bytes of ${taken.digest}`, {
    details: { expected: digest, actual: taken.digest },
  });
}

/** A blob that was cut short is stored anew. */
async function hasWhole(blobs: BlobStore, { digest, size }: Descriptor): Promise<boolean> {
  return (await blobs.has(digest)) && (await blobs.size(digest)) === size;
}

async function storeLayers(
  store: ImageStore,
  layers: readonly ImageLayer[],
  { made, signal, drafts }: StoreContext & { readonly drafts: ReadonlyMap<Digest, DraftBlob> },
): Promise<void> {
  for (const { chainId } of layers) {
    if (!(await isThere(store.paths.layer(chainId), stat))) made.layers.add(chainId);
  }
  const sources = layers.map(({ chainId, diffId, descriptor }) => {
    return { chainId, diffId, blob: descriptor, file: drafts.get(descriptor.digest)?.draft };
  });
  await store.layers.ensureAll(sources, signal ? { signal } : {});
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
