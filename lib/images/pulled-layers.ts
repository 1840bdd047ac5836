/** The layers of one image, downloaded a few at a time, large ones first. */
import { join } from "node:path";

import { throwIfAborted, onAbort } from "../util/abort.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, hexOf } from "../oci/digest.ts";
import type { TakenMember } from "./archive.ts";
import type { Downloads } from "./downloads.ts";
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

const AT_ONCE = 3;

/** All of them, by digest. Rejects with the first failure when all have ended. */
export async function fetchLayers(
  layers: readonly Descriptor[],
  options: FetchOptions,
): Promise<ReadonlyMap<Digest, TakenMember>> {
  const { tell, atOnce = AT_ONCE, signal } = options;
  throwIfAborted(signal);
  const stop = new AbortController();
  const unhook = signal && onAbort(signal, () => stop.abort(signal.reason));
  const fetched = new Map<Digest, TakenMember>();
  const failures: unknown[] = [];
  const todo = layers.toSorted((one, other) => other.size - one.size).values();
  const work = async (): Promise<void> => {
    for (const layer of todo) {
      if (stop.signal.aborted) return;
      try {
        const taken = await fetchLayer(layer, { ...options, signal: stop.signal });
        fetched.set(layer.digest, taken);
      } catch (error) {
        failures.push(error);
        stop.abort();
      }
    }
  };
  try {
    for (const { digest } of layers) tell({ layer: digest, phase: "waiting" });
    await Promise.all(Array.from({ length: Math.min(atOnce, layers.length) }, work));
  } finally {
    unhook?.();
  }
  throwIfAborted(signal);
  if (failures.length > 0) throw failures[0];
  return fetched;
}

async function fetchLayer(
  layer: Descriptor,
  { downloads, source, draft, tell, signal }: FetchOptions,
): Promise<TakenMember> {
  const { digest, size } = layer;
  const target = join(draft, hexOf(digest));
  const told = { layer: digest, totalBytes: size };
  const how = await downloads.fetch(source, layer, {
    target,
    signal,
    onGrown: (_file, currentBytes) => tell({ ...told, phase: "downloading", currentBytes }),
    onRetry: (retry) => tell({ ...told, phase: "retrying", retry }),
    onVerify: () => tell({ ...told, phase: "verifying" }),
  });
  tell({ ...told, phase: how });
  return { draft: target, digest, size };
}
