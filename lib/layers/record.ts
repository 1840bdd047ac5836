/** layer.json: what an unpacked layer is, and for whose ids it was unpacked. */
import { createHash } from "node:crypto";

import { MarmitaError } from "../errors.ts";
import type { IdExtent, UserNamespace } from "../native/helper.ts";
import { type ChainId, type Digest, parseDigest } from "../oci/digest.ts";
import { JsonReader, parseJson } from "../util/json.ts";

/** Changes with what `apply` makes of the same blob: older directories are unpacked anew. */
export const LAYER_FORMAT = 3;

/** A layer is of use only in namespaces that map the same ids. */
export interface LayerIds {
  readonly uids: readonly IdExtent[];
  readonly gids: readonly IdExtent[];
}

export interface LayerRecord {
  readonly format: number;
  readonly chainId: ChainId;
  readonly diffId: Digest;
  /** Of the blob it was made from. */
  readonly blob: Digest;
  readonly ids: LayerIds;
  /** Of its tar, in bytes: what `docker images` adds up. */
  readonly size: number;
  readonly entries: number;
  /** Device nodes that were left out. */
  readonly devices: number;
  /** Entries that belong to root because their owner is not mapped. */
  readonly unmapped: number;
  /** Extended attributes that were left out. */
  readonly xattrs: number;
}

export function idsOf({ uids, gids }: UserNamespace): LayerIds {
  return { uids, gids };
}

/** The same text for the same ids. */
export function idsKey({ uids, gids }: LayerIds): string {
  const lines = (extents: readonly IdExtent[]) =>
    extents.map(({ inside, outside, size }) => `${inside}:${outside}:${size}`).join(",");
  return createHash("sha256")
    .update(`${lines(uids)};${lines(gids)}`)
    .digest("hex")
    .slice(0, 16);
}

/** Throws `CORRUPT`. */
export function parseLayerRecord(bytes: string | Uint8Array, what: string): LayerRecord {
  const fields = new JsonReader(parseJson(bytes, what), what);
  const format = fields.size("format");
  if (format !== LAYER_FORMAT) {
    throw new MarmitaError("CORRUPT", `${what} has format ${format}, not ${LAYER_FORMAT}`);
  }
  return {
    format,
    chainId: parseDigest(fields.text("chainId")),
    diffId: parseDigest(fields.text("diffId")),
    blob: parseDigest(fields.text("blob")),
    ids: fields.object("ids", parseIds),
    size: fields.size("size"),
    entries: fields.size("entries"),
    devices: fields.size("devices"),
    unmapped: fields.size("unmapped"),
    xattrs: fields.size("xattrs"),
  };
}

function parseIds(value: unknown, what: string): LayerIds {
  const fields = new JsonReader(value, what);
  return { uids: fields.list("uids", parseExtent), gids: fields.list("gids", parseExtent) };
}

function parseExtent(value: unknown, what: string): IdExtent {
  const fields = new JsonReader(value, what);
  return {
    inside: fields.size("inside"),
    outside: fields.size("outside"),
    size: fields.size("size"),
  };
}

export function formatLayerRecord(record: LayerRecord): string {
  return `${JSON.stringify(record, undefined, 2)}\n`;
}
