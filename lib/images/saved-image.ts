/** One image as `save` writes it: its own documents, or new ones where its layers change. */
import { stat } from "node:fs/promises";
import { join } from "node:path";

import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, hexOf, parseDigest } from "../oci/digest.ts";
import { CONFIG_LIMIT_BYTES } from "../oci/image-config.ts";
import { MANIFEST_LIMIT_BYTES } from "../oci/manifest.ts";
import { isOciType, layerCompression, layerType } from "../oci/media-types.ts";
import { JsonReader } from "../util/json.ts";
import { isThere } from "../util/is-there.ts";
import type { DescribedImage } from "./archive-documents.ts";
import { asOciLayer, checkDigest, composeManifest } from "./archived-image.ts";
import { feedVerb } from "./feed.ts";
import type { ImageContent, ImageLayer } from "./image.ts";
import type { ImageStore } from "./image-store.ts";
import { keepBlob } from "./kept-blob.ts";
import type { PickedImage } from "./pick.ts";

/** A blob of an archive: the file that should have that digest, or bytes that do. */
export type SavedBlob = { readonly digest: Digest } & (
  | { readonly file: string; readonly bytes?: never }
  | { readonly bytes: Uint8Array; readonly file?: never }
);

export interface PreparedImage extends DescribedImage {
  /** The digest of its config. */
  readonly id: Digest;
  readonly blobs: readonly SavedBlob[];
}

export interface PrepareOptions {
  /** Whether layers are written as the tars that they are. */
  readonly uncompressed: boolean;
  /** Whether all media types must be OCI's own. */
  readonly oci: boolean;
  /** A directory on the file system of the store, for layers. */
  readonly draft: string;
  readonly signal?: AbortSignal | undefined;
}

/** What of a layer goes into the archive. */
interface SavedLayer {
  readonly descriptor: Descriptor;
  readonly file: string;
}

/**
 * The manifest stays as it is, and with it the image's digest, unless layers are unpacked or types
 * are to be others. The id is the same in any case. Throws `CORRUPT` for blobs that are not whole.
 */
export async function prepareImage(
  store: ImageStore,
  { content, names }: PickedImage,
  options: PrepareOptions,
): Promise<PreparedImage> {
  const layers: SavedLayer[] = [];
  for (const layer of content.layers) layers.push(await prepareLayer(store, layer, options));
  const config = await store.blobs.read(content.id, CONFIG_LIMIT_BYTES);
  const { descriptor, bytes } = await manifestOf(store, content, { config, layers, options });
  const digests = layers.map((layer) => layer.descriptor.digest);
  return {
    id: content.id,
    names,
    descriptor,
    config: content.id,
    layers: digests,
    blobs: [
      { digest: content.id, bytes: config },
      { digest: descriptor.digest, bytes },
      ...layers.map((layer) => ({
        digest: layer.descriptor.digest,
        file: layer.file,
      })),
    ],
  };
}

interface ManifestSource {
  readonly config: Uint8Array;
  readonly layers: readonly SavedLayer[];
  readonly options: PrepareOptions;
}

async function manifestOf(
  store: ImageStore,
  { digest, manifest, layers: before }: ImageContent,
  { config, layers, options }: ManifestSource,
): Promise<{ descriptor: Descriptor; bytes: Uint8Array }> {
  const isSame = layers.every((layer, at) => {
    return layer.descriptor.digest === before[at]?.descriptor.digest;
  });
  const types = [manifest, manifest.config, ...manifest.layers].map(({ mediaType }) => mediaType);
  if (isSame && (!options.oci || types.every(isOciType))) {
    const bytes = await store.blobs.read(digest, MANIFEST_LIMIT_BYTES);
    return { descriptor: { mediaType: manifest.mediaType, digest, size: bytes.length }, bytes };
  }
  return composeManifest({
    config,
    layers: layers.map(({ descriptor }) => asOciLayer(descriptor)),
    annotations: manifest.annotations,
  });
}

async function prepareLayer(
  store: ImageStore,
  layer: ImageLayer,
  options: PrepareOptions,
): Promise<SavedLayer> {
  const { descriptor } = layer;
  const file = await keepBlob(store, descriptor, options.draft);
  if (!options.uncompressed || layerCompression(descriptor.mediaType) === "none") {
    return { descriptor, file };
  }
  return unpacked(layer, file, options);
}

/** An image may have a layer twice, and images share them: each is unpacked once. */
async function unpacked(
  { descriptor, diffId }: ImageLayer,
  blob: string,
  { draft, signal }: PrepareOptions,
): Promise<SavedLayer> {
  const file = join(draft, `${hexOf(diffId)}.tar`);
  if (!(await isThere(file, stat))) {
    const args = ["--plain", file];
    const event = await feedVerb("blob", blob, { args, ...(signal && { signal }) });
    const fields = new JsonReader(event, "event of the helper");
    checkDigest(parseDigest(fields.text("digest")), descriptor.digest);
    checkDigest(parseDigest(fields.text("diffId")), diffId);
  }
  const { size } = await stat(file);
  return { descriptor: { mediaType: layerType("none"), digest: diffId, size }, file };
}
