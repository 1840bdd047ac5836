/** Layers of one image, unpacked several at a time. */
import { availableParallelism } from "node:os";

import type { UserNamespace } from "../native/helper.ts";
import type { ChainId, Digest } from "../oci/digest.ts";
import { onAbort, throwIfAborted, unlessAborted } from "../util/abort.ts";
import { Places } from "../util/places.ts";
import { Turns } from "./turns.ts";
import { type LayerSource, unpackLayer } from "./unpack.ts";

export interface LayerStep {
  readonly layer: LayerSource;
  /** The layers below, nearest first. */
  readonly parents: readonly ChainId[];
  /** Their directories; those of steps before may be drafts. */
  readonly lowers: readonly string[];
  /** The blob's file. */
  readonly blob: string;
  /** A directory with an empty `diff`. */
  readonly draft: string;
}

interface UnpackLayersOptions {
  readonly signal?: AbortSignal | undefined;
  /** What it throws ends it all. */
  readonly onProgress?: ((progress: StepProgress) => void) | undefined;
}

interface StepProgress {
  readonly layer: Digest;
  readonly phase: "unpacking" | "done";
  readonly currentBytes: number;
  readonly totalBytes: number;
}

/** Each takes two processors and a half. */
const AT_ONCE = Math.min(8, Math.max(2, availableParallelism()));
/** And so many more where some are downloaded: these may wait for the network, and need no processor. */
const DOWNLOADED_AT_ONCE = 3;

/**
 * Images that are unpacked while they are downloaded. Of more of them, the processes would only keep
 * each other from the processors, and Node from its event loop: those wait until a layer is whole.
 */
const followers = new Places(3);
/** For the layers of all those: each from the lowest up, so that none waits for one without a place. */
const latecomers = new Places(AT_ONCE);

/**
 * Steps stand below those that need them. What a layer has to know of those below it waits until
 * they are whole; the rest does not. Rejects with the first failure when all have ended.
 */
export async function unpackLayers(
  namespace: UserNamespace,
  steps: readonly LayerStep[],
  { signal, onProgress }: UnpackLayersOptions,
): Promise<void> {
  throwIfAborted(signal);
  const stop = new AbortController();
  const unhook = signal && onAbort(signal, () => stop.abort(signal.reason));
  const failures: unknown[] = [];
  const isDownloaded = steps.some(({ layer }) => layer.growing !== undefined);
  using follower = isDownloaded ? followers.tryTake() : undefined;
  const isLate = isDownloaded && follower === undefined;
  const turns = new Turns(AT_ONCE + (isDownloaded ? DOWNLOADED_AT_ONCE : 0), steps.length);
  const unpacked = new Map<ChainId, Promise<void>>();
  const tell = (step: LayerStep, phase: StepProgress["phase"], currentBytes: number) => {
    const { digest: layer, size: totalBytes } = step.layer.blob;
    if (!stop.signal.aborted) onProgress?.({ layer, phase, currentBytes, totalBytes });
  };
  const unpack = async (step: LayerStep, at: number, ready: Promise<unknown> | undefined) => {
    const { growing } = step.layer;
    if (growing !== undefined) {
      await unlessAborted(isLate ? growing.whole : growing.begun, stop.signal);
    }
    if (isLate && ready !== undefined) await unlessAborted(ready, stop.signal);
    using _turn = await (isLate ? latecomers.take(stop.signal) : turns.take(at, stop.signal));
    const onBytes = onProgress && ((bytes: number) => tell(step, "unpacking", bytes));
    await unpackLayer(namespace, { ...step, ready, signal: stop.signal, onBytes });
    tell(step, "done", step.layer.blob.size);
  };
  await Promise.all(
    steps.map(async (step, at) => {
      const below = step.parents.flatMap((parent) => unpacked.get(parent) ?? []);
      const ready = below.length === 0 ? undefined : Promise.all(below);
      ready?.catch(() => undefined); // `failures` tells
      const done = unpack(step, at, ready);
      unpacked.set(step.layer.chainId, done);
      try {
        await done;
      } catch (error) {
        failures.push(error);
        stop.abort();
      }
    }),
  );
  unhook?.();
  throwIfAborted(signal);
  if (failures.length > 0) throw failures[0];
}
