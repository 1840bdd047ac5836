/** Images of an OCI image layout: index.json → manifests → configs (image-spec, image-layout.md). */
import { type Descriptor, parseDescriptor } from "../oci/descriptor.ts";
import { type Digest, digestOf, hexOf } from "../oci/digest.ts";
import { CONFIG_LIMIT_BYTES, platformOf } from "../oci/image-config.ts";
import { MANIFEST_LIMIT_BYTES } from "../oci/manifest.ts";
import type { Platform } from "../oci/platform.ts";
import { findReference } from "../oci/reference.ts";
import { JsonReader, parseJson } from "../util/json.ts";
import { type Archive, type Member, needMember } from "./archive.ts";
import {
  type ArchivedImage,
  archivedNames,
  checkCount,
  checkDigest,
  checkName,
} from "./archived-image.ts";
import { checkPlatform, choosePlatform } from "./choose-platform.ts";
import { type ReadBlob, checkSize, findManifest, imageContent } from "./image.ts";

export const REF_NAME = "org.opencontainers.image.ref.name";
/** The name in full, where the other annotation may be its tag only. */
export const CONTAINERD_NAME = "io.containerd.image.name";

export interface ReadOptions {
  /** Which image of an index; the others need not be there. */
  readonly platform: Platform;
  /** Names to give, by config digest, when the layout itself has none: Docker's manifest.json. */
  readonly tags: ReadonlyMap<Digest, readonly string[]>;
  /** A name that replaces whatever the archive says. */
  readonly name?: string | undefined;
}

export async function readLayout(
  archive: Archive,
  options: ReadOptions,
): Promise<readonly ArchivedImage[]> {
  const index = await needMember(archive, "index.json");
  const bytes = await archive.read(index, MANIFEST_LIMIT_BYTES);
  const fields = new JsonReader(parseJson(bytes, "index.json"), "index.json");
  const entries = fields.findList("manifests", parseDescriptor) ?? [];
  checkCount(entries.length);
  const images = new Map<Digest, ArchivedImage>();
  for (const entry of onePerName(entries, options.platform)) {
    const image = await readEntry(archive, entry, options);
    const before = images.get(image.descriptor.digest);
    const names = new Set([...(before?.names ?? []), ...image.names]);
    images.set(image.descriptor.digest, { ...image, names: [...names] });
  }
  return [...images.values()];
}

/** Entries that share their name, or have none, and differ in platform are one image. */
function onePerName(entries: readonly Descriptor[], wanted: Platform): readonly Descriptor[] {
  const groups = new Map<string, Descriptor[]>();
  for (const [at, entry] of entries.entries()) {
    const name = writtenName(entry) ?? (entry.platform === undefined ? `entry ${at}` : "");
    groups.set(name, [...(groups.get(name) ?? []), entry]);
  }
  return [...groups.values()].map((group) => {
    const [only, ...others] = group;
    if (only !== undefined && others.length === 0) return only;
    return choosePlatform(group, wanted, "the archive");
  });
}

async function readEntry(
  archive: Archive,
  entry: Descriptor,
  options: ReadOptions,
): Promise<ArchivedImage> {
  const { platform: wanted } = options;
  const name = writtenName(entry);
  const read: ReadBlob = (blob, limitBytes) => readMember(archive, blob, limitBytes);
  const { manifest, bytes, descriptor } = await findManifest(read, entry, { wanted, name });
  const config = await read(manifest.config, CONFIG_LIMIT_BYTES);
  const content = imageContent(descriptor.digest, manifest, config);
  checkPlatform(platformOf(content.config), wanted, name ?? `image ${content.id}`);
  const layers = new Map<Digest, Member>();
  for (const layer of manifest.layers) {
    const member = await archive.find(blobName(layer.digest));
    if (member === undefined) continue;
    checkSize(member.size, layer);
    layers.set(layer.digest, member);
  }
  const { mediaType, digest, size } = descriptor;
  const names =
    options.name === undefined ? entryNames(entry, options, content.id) : [options.name];
  return {
    names,
    content,
    descriptor: { mediaType, digest, size },
    manifest: bytes,
    config,
    layers,
  };
}

async function readMember(
  archive: Archive,
  blob: Descriptor,
  limitBytes: number,
): Promise<Uint8Array> {
  const member = await needMember(archive, blobName(blob.digest));
  checkSize(member.size, blob);
  const bytes = await archive.read(member, limitBytes);
  // Of these bytes, not of the file: in a directory it may be another by now.
  checkDigest(digestOf(bytes), blob.digest);
  return bytes;
}

function writtenName({ annotations }: Descriptor): string | undefined {
  return annotations?.[CONTAINERD_NAME] ?? annotations?.[REF_NAME];
}

/** Where containerd or Docker wrote the whole name, the annotation of the layout is only the tag. */
function entryNames(entry: Descriptor, options: ReadOptions, id: Digest): readonly string[] {
  const tags = options.tags.get(id) ?? [];
  const whole = entry.annotations?.[CONTAINERD_NAME];
  if (whole !== undefined) return archivedNames([whole]);
  if (tags.length > 0) return archivedNames(tags);
  const written = entry.annotations?.[REF_NAME];
  const reference = written === undefined ? undefined : findReference(written);
  if (written === undefined || reference === undefined || reference.digest !== undefined) return [];
  return [checkName(reference, written)];
}

/** Where a blob lies in a layout. */
export function blobName(digest: Digest): string {
  return `blobs/sha256/${hexOf(digest)}`;
}
