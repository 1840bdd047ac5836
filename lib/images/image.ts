/** An image: its manifest and config, read from the store. */
import { MarmitaError, isMarmitaError } from "../errors.ts";
import type { BlobStore } from "../store/blobs.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type ChainId, type Digest, chainIds } from "../oci/digest.ts";
import { CONFIG_LIMIT_BYTES, type ImageConfig, parseImageConfig } from "../oci/image-config.ts";
import {
  MANIFEST_LIMIT_BYTES,
  type Manifest,
  isIndexDocument,
  parseManifestOrIndex,
} from "../oci/manifest.ts";
import { layerCompression } from "../oci/media-types.ts";
import { type Platform, hostPlatform } from "../oci/platform.ts";
import { parseJson } from "../util/json.ts";
import { choosePlatform } from "./choose-platform.ts";

export interface Image extends ImageContent {
  /** Familiar names, `busybox:latest`; none when the image lost them. */
  readonly names: readonly string[];
  /**
   * What registries know it by: `busybox@sha256:…`, of its manifest or of an index that led to it.
   * Those of its names are there too, whether or not it ever was pushed.
   */
  readonly repoDigests: readonly string[];
  /** What its layers take when unpacked, in bytes. */
  readonly size: number;
  /** RFC 3339, when the image says it. */
  readonly created: string | undefined;
}

/** What an image's digest stands for: it never changes. */
export interface ImageContent {
  /** The digest of the config, which is the same however its layers are compressed. */
  readonly id: Digest;
  /** The digest of the manifest. */
  readonly digest: Digest;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
  /** Bottom first. */
  readonly layers: readonly ImageLayer[];
}

export interface ImageLayer {
  readonly chainId: ChainId;
  /** The digest of the layer's tar, uncompressed. */
  readonly diffId: Digest;
  readonly descriptor: Descriptor;
}

/** Docker's limit, and what one overlay mount carries. */
const MOST_LAYERS = 127;

/** How deep indexes may lie in indexes. */
const MOST_INDEXES = 4;

/** Reads a small blob. Throws `CORRUPT` when it is missing or not what the descriptor says. */
export type ReadBlob = (descriptor: Descriptor, limitBytes: number) => Promise<Uint8Array>;

export interface FoundManifest {
  readonly manifest: Manifest;
  readonly bytes: Uint8Array;
  readonly descriptor: Descriptor;
}

/**
 * The image a descriptor leads to. Throws `CORRUPT` for blobs that are missing or do not fit,
 * `UNSUPPORTED` for what is no image, and for an index without one for this platform.
 */
export async function readImage(
  blobs: BlobStore,
  descriptor: Descriptor,
  wanted: Platform = hostPlatform(),
): Promise<ImageContent> {
  const read: ReadBlob = (blob, limitBytes) => readStored(blobs, blob, limitBytes);
  const found = await findManifest(read, descriptor, { wanted });
  const config = await read(found.manifest.config, CONFIG_LIMIT_BYTES);
  return imageContent(found.descriptor.digest, found.manifest, config);
}

/** From a descriptor to a manifest, through indexes by platform. */
export async function findManifest(
  read: ReadBlob,
  start: Descriptor,
  options: { readonly wanted: Platform; readonly name?: string | undefined },
): Promise<FoundManifest> {
  const { wanted, name = `image ${start.digest}` } = options;
  let descriptor = start;
  for (let depth = 0; depth <= MOST_INDEXES; depth++) {
    const what = `manifest ${descriptor.digest}`;
    const bytes = await read(descriptor, MANIFEST_LIMIT_BYTES);
    const document = parseManifestOrIndex(parseJson(bytes, what), descriptor.mediaType, what);
    if (!isIndexDocument(document)) return { manifest: document, bytes, descriptor };
    descriptor = choosePlatform(document.manifests, wanted, name);
  }
  throw new MarmitaError("CORRUPT", `${name} has indexes within indexes`);
}

/** Throws `CORRUPT` when manifest and config do not fit, `UNSUPPORTED` for layers we cannot use. */
export function imageContent(digest: Digest, manifest: Manifest, config: Uint8Array): ImageContent {
  const id = manifest.config.digest;
  const what = `image ${id}`;
  const parsed = parseImageConfig(parseJson(config, `config ${id}`), `config ${id}`);
  const diffIds = parsed.rootfs.diff_ids;
  checkLayers(manifest.layers, diffIds.length, what);
  const chain = chainIds(diffIds);
  const layers = manifest.layers.flatMap((descriptor, index) => {
    const chainId = chain[index];
    const diffId = diffIds[index];
    return chainId && diffId ? [{ chainId, diffId, descriptor }] : [];
  });
  return { id, digest, manifest, config: parsed, layers };
}

function checkLayers(layers: readonly Descriptor[], diffIds: number, what: string): void {
  for (const { mediaType } of layers) layerCompression(mediaType);
  if (layers.length !== diffIds) {
    const message = `${what}: its manifest has ${layers.length} layers, its config ${diffIds}`;
    throw new MarmitaError("CORRUPT", message);
  }
  if (layers.length === 0) throw new MarmitaError("UNSUPPORTED", `${what} has no layers`);
  if (layers.length > MOST_LAYERS) {
    const message = `${what} has ${layers.length} layers, more than the ${MOST_LAYERS} that can be stacked`;
    throw new MarmitaError("UNSUPPORTED", message, {
      details: { layers: layers.length, limit: MOST_LAYERS },
    });
  }
}

async function readStored(blobs: BlobStore, blob: Descriptor, limit: number): Promise<Buffer> {
  const { digest } = blob;
  let bytes: Buffer;
  try {
    bytes = await blobs.read(digest, limit);
  } catch (cause) {
    if (!isMarmitaError(cause, "NOT_FOUND")) throw cause;
    throw new MarmitaError("CORRUPT", `blob ${digest} is missing`, { cause, details: { digest } });
  }
  checkSize(bytes.length, blob);
  return bytes;
}

export function checkSize(actual: number, { digest, size }: Descriptor): void {
  if (actual === size) return;
  throw new MarmitaError("CORRUPT", `blob ${digest} has ${actual} bytes, not ${size}`, {
    details: { digest, size: actual, expected: size },
  });
}
