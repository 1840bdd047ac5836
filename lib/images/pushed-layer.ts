/** One layer on its way to a registry: compressed where it is plain, then there already, mounted or uploaded. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { MarmitaError, isMarmitaError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, hexOf, parseDigest } from "../oci/digest.ts";
import { layerCompression, layerType } from "../oci/media-types.ts";
import { JsonReader } from "../util/json.ts";
import { checkDigest } from "./archived-image.ts";
import { feedVerb } from "./feed.ts";
import type { ImageLayer } from "./image.ts";
import type { MountSources } from "./mount-sources.ts";
import type { OnProgress, TransferProgress } from "./progress.ts";

/** What becomes of layers that are plain tars; those that are compressed stay as they are. */
export type PushCompression = "keep" | "gzip" | "zstd";

/** A repository that blobs are pushed to: what this needs of a registry's client. */
export interface BlobTarget {
  hasBlob(digest: Digest, options: Aborting): Promise<unknown>;
  mountBlob(digest: Digest, from: string, options: Aborting): Promise<boolean>;
  uploadBlob(
    descriptor: Descriptor,
    open: (offset: number) => Readable,
    options: Aborting & {
      readonly onProgress?: (currentBytes: number) => void;
      readonly onRetry?: (retry: NonNullable<TransferProgress["retry"]>) => void;
    },
  ): Promise<void>;
}

interface Aborting {
  readonly signal?: AbortSignal;
}

export interface PushContext {
  readonly target: BlobTarget;
  readonly sources: MountSources;
  readonly tell: OnProgress;
}

export interface PushedLayer extends ImageLayer {
  /** Its blob, which stays where it is until the push is over. */
  readonly file: string;
}

/**
 * Compress a layer that is a plain tar: the same layer is always the same blob, so that a registry
 * has it from the second push on. Throws `CORRUPT` when it is not what its diff id says.
 */
export async function compressLayer<L extends PushedLayer>(
  layer: L,
  options: {
    readonly compression: PushCompression;
    readonly draft: string;
    readonly signal: AbortSignal;
  },
): Promise<PushedLayer> {
  const { compression, draft, signal } = options;
  if (compression === "keep" || layerCompression(layer.descriptor.mediaType) !== "none") {
    return layer;
  }
  const file = join(draft, `${hexOf(layer.diffId)}.${compression}`);
  const event = await feedVerb("blob", layer.file, { args: [`--${compression}`, file], signal });
  const fields = new JsonReader(event, "event of the helper");
  checkDigest(parseDigest(fields.text("diffId")), layer.diffId);
  const { annotations } = layer.descriptor;
  const descriptor = {
    mediaType: layerType(compression),
    digest: parseDigest(fields.text("digest")),
    size: fields.size("size"),
    ...(annotations && { annotations }),
  };
  return { ...layer, descriptor, file };
}

/** `as`: by which digest it is told of. */
export async function pushLayer(
  { descriptor, file }: PushedLayer,
  context: PushContext,
  options: { readonly signal: AbortSignal; readonly as: Digest },
): Promise<void> {
  const { target, sources, tell } = context;
  const { signal, as: layer } = options;
  const { digest, size: totalBytes } = descriptor;
  if ((await target.hasBlob(digest, { signal })) !== undefined) {
    return tell({ layer, phase: "exists" });
  }
  for (const from of await sources.of(digest)) {
    if (await target.mountBlob(digest, from, { signal })) {
      return tell({ layer, phase: "mounted", from });
    }
  }
  tell({ layer, phase: "uploading", currentBytes: 0, totalBytes });
  try {
    await target.uploadBlob(descriptor, (start) => createReadStream(file, { start }), {
      signal,
      onProgress: (currentBytes) => tell({ layer, phase: "uploading", currentBytes, totalBytes }),
      onRetry: (retry) => tell({ layer, phase: "retrying", retry }),
    });
  } catch (error) {
    throw (await damageOf(file, digest, error)) ?? error;
  }
  tell({ layer, phase: "uploaded", currentBytes: totalBytes, totalBytes });
}

/** Where the registry says that the bytes are others, the store may have damaged ones. */
async function damageOf(
  file: string,
  digest: Digest,
  error: unknown,
): Promise<MarmitaError | undefined> {
  if (!isMarmitaError(error) || error.details["code"] !== "DIGEST_INVALID") return undefined;
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  const actual: Digest = `sha256:${hash.digest("hex")}`;
  if (actual === digest) return undefined;
  return new MarmitaError("CORRUPT", `blob ${digest} holds bytes of ${actual}`, {
    cause: error,
    hint: "The store's own copy is damaged: remove the image, and pull or load it again.",
    details: { expected: digest, actual },
  });
}
