/** Layers of one image, unpacked several at a time. */
import { availableParallelism } from "node:os";

import type { UserNamespace } from "../native/helper.ts";
import { onAbort, throwIfAborted } from "../util/abort.ts";
import { type LayerSource, unpackLayer } from "./unpack.ts";

export interface LayerStep {
  readonly layer: LayerSource;
  /** The blob's file. */
  readonly blob: string;
  /** A directory with an empty `diff`. */
  readonly draft: string;
  /** The directories of the layers below, nearest first; those of steps before may be drafts. */
  readonly lowers: readonly string[];
}

/** Each takes two processors and a half. */
const AT_ONCE = Math.min(8, Math.max(2, availableParallelism()));

/**
 * From the lowest up, each to its draft. What a layer has to know of those below it waits until they
 * are whole; the rest does not. Rejects with the first failure when all have ended.
 */
export async function unpackLayers(
  namespace: UserNamespace,
  steps: readonly LayerStep[],
  signal: AbortSignal | undefined,
): Promise<void> {
  throwIfAborted(signal);
  const stop = new AbortController();
  const unhook = signal && onAbort(signal, () => stop.abort(signal.reason));
  const failures: unknown[] = [];
  const todo = steps.values();
  let below: Promise<unknown> | undefined;
  const start = async (step: LayerStep) => {
    const ready = below;
    const unpacked = unpackLayer(namespace, { ...step, ready, signal: stop.signal });
    below = Promise.all([ready, unpacked]);
    below.catch(() => undefined); // `failures` tells
    await unpacked;
  };
  const work = async () => {
    for (const step of todo) {
      if (stop.signal.aborted) return;
      try {
        await start(step);
      } catch (error) {
        failures.push(error);
        stop.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, steps.length) }, work));
  unhook?.();
  throwIfAborted(signal);
  if (failures.length > 0) throw failures[0];
}
