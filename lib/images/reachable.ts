/** What the names of images and the containers lead to: blobs and layers that have to stay. */
import { isMarmitaError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type ChainId, type Digest, chainIds, digestsIn } from "../oci/digest.ts";
import { CONFIG_LIMIT_BYTES, parseImageConfig } from "../oci/image-config.ts";
import { MANIFEST_LIMIT_BYTES, isIndexDocument, parseManifestOrIndex } from "../oci/manifest.ts";
import type { BlobStore } from "../store/blobs.ts";
import { parseJson } from "../util/json.ts";
import type { ImageStore } from "./image-store.ts";

/** Blobs and layers of one image, or of several. */
export interface Parts {
  readonly blobs: ReadonlySet<Digest>;
  readonly layers: ReadonlySet<ChainId>;
}

/** All that is in use. */
export interface UsedParts extends Parts {
  /** Those that containers lie over; `undefined` when it cannot be told of one of them. */
  readonly byContainers: ReadonlySet<ChainId> | undefined;
}

/** What a blob names, besides itself. */
interface Links {
  /** To be read in their turn. */
  readonly documents: readonly Descriptor[];
  readonly blobs: readonly Digest[];
  readonly layers: readonly ChainId[];
  /** All of it could be read: it will be the same the next time. */
  readonly isWhole: boolean;
}

/** By the digest of a manifest, an index or a config: what these name never changes. */
const KNOWN = new WeakMap<BlobStore, Map<Digest, Links>>();

const NOTHING: Links = { documents: [], blobs: [], layers: [], isWhole: true };

/**
 * Everything that index.json and the containers lead to. Throws when that cannot be told: what is
 * damaged leads nowhere, but what could not be read just now might lead to anything.
 */
export async function partsInUse(store: ImageStore): Promise<UsedParts> {
  const { blobs, references, users } = store;
  const entries = await references.list();
  const used = await reachable(blobs, entries);
  const found = { blobs: new Set(used.blobs), layers: new Set(used.layers) };
  // Lines of others that we make no sense of.
  for (const digest of await references.foreign()) found.blobs.add(digest);
  let byContainers: Set<ChainId> | undefined = new Set();
  for (const { images, layers } of (await users?.list()) ?? []) {
    for (const layer of layers ?? []) byContainers?.add(layer);
    if (layers === undefined) byContainers = undefined;
    for (const id of images) {
      found.blobs.add(id);
      for (const layer of (await linksOf(blobs, id, readConfig)).layers) byContainers?.add(layer);
    }
  }
  for (const layer of byContainers ?? []) found.layers.add(layer);
  return { ...found, byContainers };
}

/** Everything the descriptors lead to, as far as it is there and not damaged. */
export async function reachable(
  blobs: BlobStore,
  entries: readonly { readonly descriptor: Descriptor }[],
): Promise<Parts> {
  const found = { blobs: new Set<Digest>(), layers: new Set<ChainId>() };
  const followed = new Set<Digest>();
  const left = entries.map(({ descriptor }) => descriptor);
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const { digest, mediaType } = next;
    if (followed.has(digest)) continue;
    followed.add(digest);
    found.blobs.add(digest);
    const links = await linksOf(blobs, digest, () => readDocument(blobs, digest, mediaType));
    for (const blob of links.blobs) found.blobs.add(blob);
    for (const layer of links.layers) found.layers.add(layer);
    left.push(...links.documents);
  }
  return found;
}

async function linksOf(
  blobs: BlobStore,
  digest: Digest,
  read: (blobs: BlobStore, digest: Digest) => Promise<Links>,
): Promise<Links> {
  const known = KNOWN.get(blobs) ?? new Map<Digest, Links>();
  KNOWN.set(blobs, known);
  const before = known.get(digest);
  if (before !== undefined) return before;
  try {
    const links = await read(blobs, digest);
    if (links.isWhole) known.set(digest, links);
    return links;
  } catch (error) {
    return nothingOf(error);
  }
}

async function readDocument(blobs: BlobStore, digest: Digest, mediaType: string): Promise<Links> {
  const bytes = await blobs.read(digest, MANIFEST_LIMIT_BYTES);
  const document = ifWhole(() => parseManifestOrIndex(parseJson(bytes, digest), mediaType));
  // No image of ours: whatever it mentions may be needed.
  if (document === undefined) return { ...NOTHING, blobs: digestsIn(bytes.toString("latin1")) };
  if (isIndexDocument(document)) return { ...NOTHING, documents: document.manifests };
  const parts = [document.config, ...document.layers].map((part) => part.digest);
  const { layers, isWhole } = await readConfig(blobs, document.config.digest).catch(nothingOf);
  return { documents: [], blobs: parts, layers, isWhole };
}

async function readConfig(blobs: BlobStore, digest: Digest): Promise<Links> {
  const bytes = await blobs.read(digest, CONFIG_LIMIT_BYTES);
  const config = ifWhole(() => parseImageConfig(parseJson(bytes, digest)));
  return config === undefined ? NOTHING : { ...NOTHING, layers: chainIds(config.rootfs.diff_ids) };
}

function ifWhole<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (isMarmitaError(error)) return undefined;
    throw error;
  }
}

/** An image that is damaged needs nothing: it can still be removed, or stored anew. */
function nothingOf(error: unknown): Links {
  const isDamage = isMarmitaError(error, "CORRUPT") || isMarmitaError(error, "NOT_FOUND");
  if (isDamage) return { ...NOTHING, isWhole: false };
  throw error;
}
