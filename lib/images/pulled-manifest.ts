/** What a name means in a registry: from an index to the manifest for one platform, and its config. */
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import { CONFIG_LIMIT_BYTES, platformOf } from "../oci/image-config.ts";
import { platformMatches, type Platform } from "../oci/platform.ts";
import type { ImageEntry } from "../store/references.ts";
import { isMarmitaError } from "../errors.ts";
import { checkPlatform } from "./choose-platform.ts";
import {
  type ImageContent,
  type ReadBlob,
  checkSize,
  findManifest,
  imageContent,
  readImage,
} from "./image.ts";
import type { Downloads } from "./downloads.ts";
import type { ImageStore } from "./image-store.ts";
import { recordedDigests } from "./repo-digests.ts";

/** Who has manifests: a client of a registry, for one repository. */
export interface ManifestSource {
  /** By tag or digest; `undefined` when there is none, or nobody says. */
  headManifest(
    reference: string,
    options: { readonly signal?: AbortSignal },
  ): Promise<Descriptor | undefined>;
  /** Checked against the digest that was asked for, or that the registry told. Throws `NOT_FOUND`. */
  getManifest(
    reference: string,
    options: { readonly signal?: AbortSignal },
  ): Promise<{ readonly descriptor: Descriptor; readonly bytes: Uint8Array }>;
  /** A small blob, checked. */
  getBlob(
    descriptor: Descriptor,
    limitBytes: number,
    options: { readonly signal?: AbortSignal },
  ): Promise<Uint8Array>;
}

export interface FoundImage {
  readonly content: ImageContent;
  /** Of the manifest, without what an index adds to it. */
  readonly descriptor: Descriptor;
  readonly manifest: Uint8Array;
  readonly config: Uint8Array;
}

export interface FindOptions {
  /** For messages. */
  readonly name: string;
  /** What the name means there: an index or a manifest. */
  readonly digest: Digest;
  readonly wanted: Platform;
  readonly downloads: Downloads;
  readonly signal?: AbortSignal | undefined;
}

/**
 * What is in the store is not asked for. Throws `UNSUPPORTED` when there is no image for the
 * platform, and `CORRUPT` for documents that do not fit together.
 */
export async function findRemoteImage(
  store: ImageStore,
  source: ManifestSource,
  { name, digest, wanted, downloads, signal }: FindOptions,
): Promise<FoundImage> {
  const options = signal === undefined ? {} : { signal };
  const stored: ReadBlob = async (blob, limitBytes) => {
    const bytes = await store.blobs.read(blob.digest, limitBytes);
    checkSize(bytes.length, blob);
    return bytes;
  };
  const start = await startOf(store, source, { digest, wanted, signal });
  const readManifest: ReadBlob = async (blob, limitBytes) => {
    if (blob.digest === start.descriptor.digest && start.bytes !== undefined) return start.bytes;
    const found = await ifStored(stored(blob, limitBytes));
    if (found !== undefined) return found;
    const { bytes } = await source.getManifest(blob.digest, options);
    checkSize(bytes.length, blob);
    return bytes;
  };
  const found = await findManifest(readManifest, start.descriptor, { wanted, name });
  const { config: described } = found.manifest;
  const getConfig = () => source.getBlob(described, CONFIG_LIMIT_BYTES, options);
  const reading = { limitBytes: CONFIG_LIMIT_BYTES, signal };
  const config = await downloads.read(described, getConfig, reading);
  const { mediaType } = found.descriptor;
  const descriptor = { mediaType, digest: digestOf(found.bytes), size: found.bytes.length };
  try {
    const content = imageContent(descriptor.digest, found.manifest, config);
    checkPlatform(platformOf(content.config), wanted, name);
    return { content, descriptor, manifest: found.bytes, config };
  } catch (error) {
    await downloads.forget([described.digest]); // of no use
    throw error;
  }
}

interface Start {
  readonly descriptor: Descriptor;
  /** Where they are at hand. */
  readonly bytes?: Uint8Array;
}

/** An index is not kept; but where it led to for a platform is. */
async function startOf(
  store: ImageStore,
  source: ManifestSource,
  { digest, wanted, signal }: Pick<FindOptions, "digest" | "wanted" | "signal">,
): Promise<Start> {
  const known = await findKnown(store, { wanted, leadsTo: (entry) => isNamedBy(entry, digest) });
  if (known !== undefined) return { descriptor: known.entry.descriptor };
  return source.getManifest(digest, signal === undefined ? {} : { signal });
}

function isNamedBy(entry: ImageEntry, digest: Digest): boolean {
  if (entry.descriptor.digest === digest) return true;
  return recordedDigests([entry]).some((text) => text.endsWith(`@${digest}`));
}

export interface KnownImage {
  readonly entry: ImageEntry;
  readonly content: ImageContent;
}

/** An image of the store that is for the platform and not damaged. */
export async function findKnown(
  { references, blobs }: ImageStore,
  options: { readonly wanted: Platform; readonly leadsTo: (entry: ImageEntry) => boolean },
): Promise<KnownImage | undefined> {
  for (const entry of (await references.list()).filter(options.leadsTo)) {
    const content = await ifWhole(readImage(blobs, entry.descriptor, options.wanted));
    if (content === undefined) continue;
    if (platformMatches(options.wanted, platformOf(content.config))) return { entry, content };
  }
  return undefined;
}

async function ifStored(reading: Promise<Uint8Array>): Promise<Uint8Array | undefined> {
  return ifWhole(reading);
}

/** What is damaged or missing is fetched. */
async function ifWhole<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isMarmitaError(error)) return undefined;
    throw error;
  }
}
