/** What both forms of image archive come down to: one image, ready to be stored. */
import { MarmitaError } from "../errors.ts";
import { type Descriptor, descriptorJson } from "../oci/descriptor.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import { type Manifest, parseManifest } from "../oci/manifest.ts";
import { CONFIG, MANIFEST, layerCompression, layerType } from "../oci/media-types.ts";
import { type Reference, familiar, isReserved, parseReference } from "../oci/reference.ts";
import type { Member } from "./archive.ts";
import type { ImageContent } from "./image.ts";

export interface ArchivedImage {
  /** Familiar names. */
  readonly names: readonly string[];
  readonly content: ImageContent;
  /** Of the manifest. */
  readonly descriptor: Descriptor;
  readonly manifest: Uint8Array;
  readonly config: Uint8Array;
  /** Where its layers are, by digest; one that is missing here must be in the store. */
  readonly layers: ReadonlyMap<Digest, Member>;
}

export interface ManifestParts {
  readonly config: Uint8Array;
  readonly layers: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** A manifest of ours for a config, unchanged, and its layers. */
export function composeManifest(parts: ManifestParts): {
  readonly manifest: Manifest;
  readonly bytes: Buffer;
  readonly descriptor: Descriptor;
} {
  const { config, layers, annotations } = parts;
  const json = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { mediaType: CONFIG, digest: digestOf(config), size: config.length },
    layers: layers.map(descriptorJson),
    ...(annotations && { annotations }),
  };
  const bytes = Buffer.from(JSON.stringify(json));
  const descriptor = { mediaType: MANIFEST, digest: digestOf(bytes), size: bytes.length };
  return { manifest: parseManifest(json), bytes, descriptor };
}

/** Docker's types have their likes, and a manifest is of one kind. */
export function asOciLayer({ mediaType, digest, size, annotations }: Descriptor): Descriptor {
  return { mediaType: layerType(layerCompression(mediaType)), digest, size, annotations };
}

/** Throws `CORRUPT`. */
export function checkDigest(actual: Digest, expected: Digest): void {
  if (actual === expected) return;
  throw new MarmitaError("CORRUPT", `blob ${expected} holds bytes of ${actual}`, {
    details: { expected, actual },
  });
}

/**
 * Names out of an archive. One with a digest names nothing: the digest follows from the content, and
 * that here may be another's. Throws `INVALID_ARGUMENT` for reserved and impossible ones.
 */
export function archivedNames(texts: readonly string[]): readonly string[] {
  return texts.flatMap((text) => {
    const reference = parseReference(text);
    return reference.digest === undefined ? [checkName(reference, text)] : [];
  });
}

/** Names and nameless images: each costs time, and a line of a few bytes makes one. */
const MOST_IMAGES = 1000;

export function checkCount(images: number): void {
  if (images <= MOST_IMAGES) return;
  const message = `the archive names ${images} images, more than ${MOST_IMAGES}`;
  throw new MarmitaError("UNSUPPORTED", message, { hint: "Save them to several archives." });
}

export function checkName(reference: Reference, text: string): string {
  if (!isReserved(reference)) return familiar(reference);
  const message = `the archive holds an image with a reserved name: ${text}`;
  throw new MarmitaError("INVALID_ARGUMENT", message, {
    hint: "Give it another name with the option name.",
    details: { name: text },
  });
}
