/** One layer's blob becomes a draft directory with its record, checked against its digests. */
import { rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { MarmitaError, isMarmitaError } from "../errors.ts";
import type { UserNamespace } from "../native/helper.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { ChainId, Digest } from "../oci/digest.ts";
import { onAbort, throwIfAborted } from "../util/abort.ts";
import { isThere } from "../util/is-there.ts";
import { errnoOf } from "../util/system-error.ts";
import { type FollowedBlob, type GrowingBlob, follow } from "./growing.ts";
import { type AppliedLayer, applyLayer } from "./inside.ts";
import { LAYER_FORMAT, type LayerRecord, formatLayerRecord, idsOf } from "./record.ts";

/** A layer as an image names it. */
export interface LayerSource {
  readonly chainId: ChainId;
  readonly diffId: Digest;
  readonly blob: Descriptor;
  /** Where the blob is; absent: in the store. */
  readonly file?: string | undefined;
  /** Where it will be, when it is still being downloaded: it is unpacked meanwhile. */
  readonly growing?: GrowingBlob | undefined;
}

export interface UnpackOptions {
  readonly layer: LayerSource;
  /** The blob's file, unless that still grows. */
  readonly blob: string;
  /** A directory with an empty `diff`. */
  readonly draft: string;
  readonly lowers: readonly string[];
  /** When those are whole; absent: they are. */
  readonly ready?: Promise<unknown> | undefined;
  /** How much of the blob has been unpacked, now and then. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Throws `NOT_FOUND` without the blob, `CORRUPT` when the digests differ, and what the download of
 * a growing one threw. After a failure the caller deletes the draft.
 */
export async function unpackLayer(
  namespace: UserNamespace,
  options: UnpackOptions,
): Promise<LayerRecord> {
  const { layer, draft } = options;
  const { growing } = layer;
  const applied = await (growing === undefined
    ? applyWhole(namespace, options)
    : applyGrowing(namespace, growing, options));
  if (applied.unmapped === 0) await rm(join(draft, "owners"));
  const { diffSize, entries, devices, unmapped, xattrs } = applied;
  const record: LayerRecord = {
    format: LAYER_FORMAT,
    chainId: layer.chainId,
    diffId: layer.diffId,
    blob: layer.blob.digest,
    ids: idsOf(namespace),
    size: diffSize,
    entries,
    devices,
    unmapped,
    xattrs,
  };
  await writeFile(join(draft, "layer.json"), formatLayerRecord(record), { flag: "wx" });
  return record;
}

async function applyWhole(namespace: UserNamespace, options: UnpackOptions): Promise<AppliedLayer> {
  const { layer, blob } = options;
  if (!(await isThere(blob, stat))) {
    const { digest } = layer.blob;
    throw new MarmitaError("NOT_FOUND", `blob ${digest} is missing`, { details: { digest } });
  }
  const applied = await applyLayer(namespace, { ...placesOf(options), blob });
  checkDigests(layer, applied);
  return applied;
}

function placesOf(options: UnpackOptions) {
  const { draft, lowers, ready, onBytes, signal } = options;
  const target = join(draft, "diff");
  return { target, owners: join(draft, "owners"), lowers, ready, onBytes, signal };
}

async function applyGrowing(
  namespace: UserNamespace,
  growing: GrowingBlob,
  options: UnpackOptions,
): Promise<AppliedLayer> {
  const followed = await follow(growing);
  if (followed === undefined) {
    return applyWhole(namespace, { ...options, blob: await growing.whole });
  }
  const applied = await applyFollowed(namespace, { growing, followed }, options);
  // Nothing of a blob counts before all of it is right; what broke the download says most.
  await growing.whole;
  if (applied !== undefined) return applied;
  throwIfAborted(options.signal);
  throw new OtherBytes();
}

/**
 * What was followed is not what is whole now. The directory has something else in it, and those
 * above may have it open: all of them are unpacked anew.
 */
export class OtherBytes extends Error {}

interface Followed {
  readonly growing: GrowingBlob;
  readonly followed: FollowedBlob;
}

/**
 * `undefined` when what was followed is no such layer: the download may have begun anew, or may yet,
 * with other bytes.
 */
async function applyFollowed(
  namespace: UserNamespace,
  { growing, followed }: Followed,
  options: UnpackOptions,
): Promise<AppliedLayer | undefined> {
  const { layer, signal } = options;
  const stop = new AbortController();
  const unhook = signal && onAbort(signal, () => stop.abort());
  if (signal?.aborted === true) stop.abort(); // while the file was opened
  growing.whole.catch(() => stop.abort());
  try {
    const { size } = layer.blob;
    const applied = await applyLayer(namespace, {
      ...placesOf({ ...options, signal: stop.signal }),
      blob: { ...followed, size },
    });
    checkDigests(layer, applied);
    return applied;
  } catch (error) {
    throwIfAborted(signal);
    if (stop.signal.aborted || isOfBytes(error)) return undefined;
    throw error;
  } finally {
    unhook?.();
    await followed.close();
  }
}

/** Not of this machine: other bytes may do better. */
function isOfBytes(error: unknown): boolean {
  if (isMarmitaError(error, "CORRUPT") || isMarmitaError(error, "UNSUPPORTED")) return true;
  return errnoOf(error) === "EPIPE"; // there were not enough of them
}

function checkDigests({ diffId, blob }: LayerSource, applied: AppliedLayer): void {
  const { digest: actual = blob.digest, size } = applied;
  if (actual !== blob.digest || size !== blob.size) {
    throw new MarmitaError("CORRUPT", `blob ${blob.digest} holds bytes of ${actual}`, {
      step: "apply",
      details: { expected: blob.digest, actual, size },
    });
  }
  if (applied.diffId !== diffId) {
    throw new MarmitaError("CORRUPT", `layer ${diffId} unpacks to ${applied.diffId}`, {
      step: "apply",
      details: { expected: diffId, actual: applied.diffId, blob: blob.digest },
    });
  }
}
