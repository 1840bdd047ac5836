/** One layer's blob becomes a draft directory with its record, checked against its digests. */
import { rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { MarmitaError } from "../errors.ts";
import type { UserNamespace } from "../native/helper.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { ChainId, Digest } from "../oci/digest.ts";
import { isThere } from "../util/is-there.ts";
import { type AppliedLayer, applyLayer } from "./inside.ts";
import { LAYER_FORMAT, type LayerRecord, formatLayerRecord, idsOf } from "./record.ts";

/** A layer as an image names it. */
export interface LayerSource {
  readonly chainId: ChainId;
  readonly diffId: Digest;
  readonly blob: Descriptor;
  /** Where the blob is; absent: in the store. */
  readonly file?: string | undefined;
}

export interface UnpackOptions {
  readonly layer: LayerSource;
  /** The blob's file. */
  readonly blob: string;
  /** A directory with an empty `diff`. */
  readonly draft: string;
  readonly lowers: readonly string[];
  /** When those are whole; absent: they are. */
  readonly ready?: Promise<unknown> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Throws `NOT_FOUND` without the blob, `CORRUPT` when the digests differ. After a failure the
 * caller deletes the draft.
 */
export async function unpackLayer(
  namespace: UserNamespace,
  options: UnpackOptions,
): Promise<LayerRecord> {
  const { layer, blob, draft, lowers, ready, signal } = options;
  if (!(await isThere(blob, stat))) {
    const { digest } = layer.blob;
    throw new MarmitaError("NOT_FOUND", `blob ${digest} is missing`, { details: { digest } });
  }
  const target = join(draft, "diff");
  const owners = join(draft, "owners");
  const applied = await applyLayer(namespace, { blob, target, owners, lowers, ready, signal });
  checkDigests(layer, applied);
  if (applied.unmapped === 0) await rm(owners);
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

function checkDigests({ diffId, blob }: LayerSource, applied: AppliedLayer): void {
  if (applied.digest !== blob.digest || applied.size !== blob.size) {
    throw new MarmitaError("CORRUPT", `blob ${blob.digest} holds bytes of ${applied.digest}`, {
      step: "apply",
      details: { expected: blob.digest, actual: applied.digest, size: applied.size },
    });
  }
  if (applied.diffId !== diffId) {
    throw new MarmitaError("CORRUPT", `layer ${diffId} unpacks to ${applied.diffId}`, {
      step: "apply",
      details: { expected: diffId, actual: applied.diffId, blob: blob.digest },
    });
  }
}
