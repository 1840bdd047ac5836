/** What a container wrote becomes a layer: a blob of the image-spec, as a new file. */
import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";

import { MarmitaError } from "../errors.ts";
import { type UserNamespace, runVerb } from "../native/helper.ts";
import { type Digest, parseDigest } from "../oci/digest.ts";
import type { Compression } from "../oci/media-types.ts";
import { storeError } from "../store/store-error.ts";
import { JsonReader } from "../util/json.ts";
import { isMissing } from "../util/system-error.ts";
import { tooLong } from "./too-long.ts";

export interface PackedLayer {
  /** Of the blob. */
  readonly digest: Digest;
  readonly size: number;
  /** Of the tar in it. */
  readonly diffId: Digest;
  readonly diffSize: number;
  /** 0: nothing has changed. */
  readonly entries: number;
}

/** A directory that an overlay file system wrote to, and those below it. */
export interface PackSource {
  readonly upper: string;
  /** Nearest first. Beside one, in a file `owners`, may be whose its files should be. */
  readonly lowers: readonly string[];
  /** Mount points in the root that are ours, and not the container's: `/etc/hosts`. */
  readonly skip: readonly string[];
  /** Who wrote it. Default: `overlay`. */
  readonly driver?: "overlay" | "fuse-overlayfs" | undefined;
}

export interface PackOptions extends PackSource {
  /** A file that is not there yet. After a failure it is not there either. */
  readonly output: string;
  /** Default: `gzip`. */
  readonly compression?: Compression | undefined;
  /** In whole seconds since 1970: no file has a later time (SOURCE_DATE_EPOCH). */
  readonly epoch?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const HINTS = {
  ENOTSUP:
    "A layer cannot hold files whose names begin with .wh., nor attributes with = in theirs: rename or delete them.",
  EMSGSIZE: "Delete some of the extended attributes of that file.",
};

/**
 * Names come in the order of their bytes; what the layers below have, too, is left out. The same
 * changes are the same bytes, whatever the machine and however busy it is; two containers that did
 * the same at other times differ in the times, which `epoch` evens out.
 * Throws `UNSUPPORTED` for a file that no layer can hold.
 */
export async function packLayer(
  namespace: UserNamespace,
  options: PackOptions,
): Promise<PackedLayer> {
  const { upper, output, compression = "gzip", epoch, signal } = options;
  if (epoch !== undefined && !Number.isSafeInteger(epoch)) {
    throw new MarmitaError("INVALID_ARGUMENT", `expected whole seconds, got ${epoch}`);
  }
  const form = options.driver === "fuse-overlayfs" ? "fuse" : "kernel";
  const head = [output, compression, String(epoch ?? "-"), form, upper];
  try {
    const args = [...head, ...(await layerWords(options))];
    const event = await runVerb("pack", { args, namespace, signal });
    if (event.event !== "packed") {
      throw new MarmitaError("UNAVAILABLE", "marmita-init pack ended early", { step: "pack" });
    }
    return packedLayer(new JsonReader(event, "event of the helper"));
  } catch (error) {
    throw tooLong(error, "pack") ?? storeError(error, "pack", HINTS);
  }
}

/** The words about layers that the helper's verbs take (native/init/layer_words.h). */
export async function layerWords({
  lowers,
  skip,
}: Pick<PackSource, "lowers" | "skip">): Promise<readonly string[]> {
  const tables = await Promise.all(lowers.map(ownersOf));
  return [
    ...skip.flatMap((path) => ["--skip", path]),
    ...lowers.flatMap((lower, at) => ["--lower", lower, tables[at] ?? ""]),
  ];
}

/** `""`: all its owners are what they should be. */
async function ownersOf(lower: string): Promise<string> {
  const path = join(dirname(lower), "owners");
  try {
    return (await stat(path)).size > 0 ? path : "";
  } catch (error) {
    if (isMissing(error)) return "";
    throw error;
  }
}

function packedLayer(fields: JsonReader): PackedLayer {
  return {
    digest: parseDigest(fields.text("digest")),
    size: fields.size("size"),
    diffId: parseDigest(fields.text("diffId")),
    diffSize: fields.size("diffSize"),
    entries: fields.size("entries"),
  };
}
