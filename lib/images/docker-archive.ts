/** Images of what `docker save` and `podman save` write: manifest.json and the files it names. */
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, digestOf, isDigest } from "../oci/digest.ts";
import { CONFIG_LIMIT_BYTES, platformOf } from "../oci/image-config.ts";
import { MANIFEST_LIMIT_BYTES } from "../oci/manifest.ts";
import { type Compression, layerType } from "../oci/media-types.ts";
import { JsonReader, parseJson } from "../util/json.ts";
import { type Archive, type Member, needMember } from "./archive.ts";
import {
  type ArchivedImage,
  archivedNames,
  checkCount,
  checkDigest,
  composeManifest,
} from "./archived-image.ts";
import { checkPlatform } from "./choose-platform.ts";
import { imageContent } from "./image.ts";
import type { ReadOptions } from "./oci-layout.ts";

export interface DockerEntry {
  readonly config: string;
  readonly tags: readonly string[];
  readonly layers: readonly string[];
}

/** The list of images, or `undefined` when the archive has none in this form. */
export async function findDockerEntries(
  archive: Archive,
): Promise<readonly DockerEntry[] | undefined> {
  const member = await archive.find("manifest.json");
  if (member === undefined) return undefined;
  const bytes = await archive.read(member, MANIFEST_LIMIT_BYTES);
  const fields = new JsonReader({ images: parseJson(bytes, "manifest.json") }, "manifest.json");
  const entries = fields.list("images", parseEntry);
  checkCount(entries.reduce((sum, { tags }) => sum + Math.max(1, tags.length), 0));
  return entries;
}

export async function readDockerImage(
  archive: Archive,
  entry: DockerEntry,
  options: Omit<ReadOptions, "tags">,
): Promise<ArchivedImage> {
  const config = await readConfig(archive, entry.config);
  const layers = new Map<Digest, Member>();
  const descriptors: Descriptor[] = [];
  for (const name of entry.layers) {
    const member = await needMember(archive, name);
    const layer = await describeLayer(archive, member, name);
    descriptors.push(layer);
    layers.set(layer.digest, member);
  }
  const { manifest, bytes, descriptor } = composeManifest({ config, layers: descriptors });
  const content = imageContent(descriptor.digest, manifest, config);
  const names = options.name === undefined ? archivedNames(entry.tags) : [options.name];
  checkPlatform(platformOf(content.config), options.platform, names[0] ?? `image ${content.id}`);
  return { names, content, descriptor, manifest: bytes, config, layers };
}

/** Names by config digest, for archives that are an OCI image layout, too. */
export async function tagsByConfig(
  archive: Archive,
  entries: readonly DockerEntry[],
): Promise<ReadonlyMap<Digest, readonly string[]>> {
  const tags = new Map<Digest, readonly string[]>();
  for (const entry of entries) {
    if (entry.tags.length === 0) continue;
    const config = await archive.find(entry.config);
    if (config === undefined) continue; // of a platform that was not saved
    const digest = await archive.digest(config);
    tags.set(digest, [...(tags.get(digest) ?? []), ...entry.tags]);
  }
  return tags;
}

function parseEntry(json: unknown, what: string): DockerEntry {
  const fields = new JsonReader(json, what);
  return {
    config: fields.text("Config"),
    tags: fields.findTexts("RepoTags") ?? [],
    layers: fields.findTexts("Layers") ?? [],
  };
}

async function readConfig(archive: Archive, name: string): Promise<Buffer> {
  const member = await needMember(archive, name);
  const bytes = await archive.read(member, CONFIG_LIMIT_BYTES);
  const promised = promisedDigest(name);
  if (promised !== undefined) checkDigest(digestOf(bytes), promised);
  return bytes;
}

async function describeLayer(archive: Archive, member: Member, name: string): Promise<Descriptor> {
  const mediaType = layerType(compressionOf(await archive.peek(member, 4)));
  const digest = await archive.digest(member);
  const promised = promisedDigest(name);
  // Some writers name layers for what they unpack to: then the diff id is the check.
  if (promised !== undefined && name.startsWith("blobs/")) checkDigest(digest, promised);
  return { mediaType, digest, size: member.size };
}

/** The digest a file is named for: `blobs/sha256/<hex>`, `<hex>.json`. */
function promisedDigest(name: string): Digest | undefined {
  const digest = `sha256:${/(?:^|\/)([0-9a-f]{64})(?:\.json)?$/.exec(name)?.[1] ?? ""}`;
  return isDigest(digest) ? digest : undefined;
}

function compressionOf(start: Buffer): Compression {
  if (start.subarray(0, 2).equals(Buffer.of(0x1f, 0x8b))) return "gzip";
  if (start.equals(Buffer.of(0x28, 0xb5, 0x2f, 0xfd))) return "zstd";
  return "none";
}
