/** The layers of one image, downloaded a few at a time, large ones first, and unpacked meanwhile. */
import { join } from "node:path";

import type { PreparedLayers } from "../layers/prepare.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, hexOf } from "../oci/digest.ts";
import { onAbort, throwIfAborted } from "../util/abort.ts";
import type { TakenMember } from "./archive.ts";
import type { Downloads } from "./downloads.ts";
import { GrowingDownload } from "./growing-download.ts";
import type { ImageContent } from "./image.ts";
import type { LayerStore } from "./image-store.ts";
import type { OnProgress } from "./progress.ts";
import type { BlobSource } from "./receive.ts";

export interface FetchOptions {
  readonly downloads: Downloads;
  readonly source: BlobSource;
  /** A directory on the file system of the store, for the whole blobs. */
  readonly draft: string;
  readonly tell: OnProgress;
  /** Default: 3, as in Docker. */
  readonly atOnce?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface FetchedLayers {
  /** Whole blobs, by digest. */
  readonly blobs: ReadonlyMap<Digest, TakenMember>;
  /** The caller disposes of them. */
  readonly prepared: PreparedLayers;
}

const AT_ONCE = 3;

/** All of them. Rejects with the first failure when all has ended, and then leaves no layer. */
export async function fetchLayers(
  layers: LayerStore,
  content: ImageContent,
  options: FetchOptions,
): Promise<FetchedLayers> {
  const { signal } = options;
  throwIfAborted(signal);
  const stop = new AbortController();
  const unhook = signal && onAbort(signal, () => stop.abort(signal.reason));
  const failures: unknown[] = [];
  const fail = (error: unknown): undefined => {
    failures.push(error);
    stop.abort();
  };
  try {
    const growing = growingOf(content);
    const within = { ...options, signal: stop.signal, growing, fail };
    const [blobs, prepared] = await Promise.all([
      downloadAll(content, within),
      prepareAll(layers, content, within).catch(fail),
    ]);
    if (prepared !== undefined && failures.length === 0 && signal?.aborted !== true) {
      return { blobs, prepared };
    }
    await prepared?.[Symbol.asyncDispose]();
    throwIfAborted(signal);
    throw failures[0];
  } finally {
    unhook?.();
  }
}

/** Each blob once, whichever layers have it. */
function growingOf({ layers }: ImageContent): ReadonlyMap<Digest, GrowingDownload> {
  return new Map(layers.map(({ descriptor }) => [descriptor.digest, new GrowingDownload()]));
}

interface Within extends FetchOptions {
  readonly growing: ReadonlyMap<Digest, GrowingDownload>;
  readonly signal: AbortSignal;
  /** Ends all of it. */
  readonly fail: (error: unknown) => void;
}

async function prepareAll(
  store: LayerStore,
  content: ImageContent,
  { growing, tell, signal }: Within,
): Promise<PreparedLayers> {
  const sources = content.layers.map(({ chainId, diffId, descriptor }) => {
    return { chainId, diffId, blob: descriptor, growing: growing.get(descriptor.digest) };
  });
  return store.prepareAll([sources], {
    signal,
    // Also of one so small that it is unpacked before it could be told.
    onProgress: ({ phase, ...progress }) => {
      if (phase !== "exists") tell({ ...progress, phase: "unpacking" });
    },
  });
}

/** What failed, `fail` was told. */
async function downloadAll(
  { manifest }: ImageContent,
  options: Within,
): Promise<ReadonlyMap<Digest, TakenMember>> {
  const { tell, growing, fail, atOnce = AT_ONCE, signal } = options;
  const unique = new Map(manifest.layers.map((layer) => [layer.digest, layer]));
  const todo = [...unique.values()].sort((one, other) => other.size - one.size).values();
  const fetched = new Map<Digest, TakenMember>();
  const work = async (): Promise<void> => {
    for (const layer of todo) {
      throwIfAborted(signal); // whoever waits for the layers left is told, too
      fetched.set(layer.digest, await download(layer, options));
    }
  };
  const failed = (error: unknown): void => {
    for (const blob of growing.values()) blob.fail(error);
    fail(error);
  };
  try {
    for (const layer of unique.keys()) tell({ layer, phase: "waiting" });
  } catch (error) {
    failed(error);
  }
  const workers = Array.from({ length: Math.min(atOnce, unique.size) }, work);
  await Promise.all(workers.map((worker) => worker.catch(failed)));
  return fetched;
}

async function download(
  layer: Descriptor,
  { downloads, source, draft, tell, signal, growing }: Within,
): Promise<TakenMember> {
  const { digest, size } = layer;
  const blob = growing.get(digest);
  const target = join(draft, hexOf(digest));
  const told = { layer: digest, totalBytes: size };
  try {
    const how = await downloads.fetch(source, layer, {
      target,
      signal,
      onGrown: (file, currentBytes) => {
        blob?.grow(file, draft);
        tell({ ...told, phase: "downloading", currentBytes });
      },
      onRetry: (retry) => tell({ ...told, phase: "retrying", retry }),
      onVerify: () => tell({ ...told, phase: "verifying" }),
    });
    tell({ ...told, phase: how });
  } finally {
    await blob?.settled();
  }
  blob?.finish(target);
  return { draft: target, digest, size };
}
