/** Blobs and layers that no image needs any more. */
import type { Descriptor } from "../oci/descriptor.ts";
import type { ChainId, Digest } from "../oci/digest.ts";
import { chainIds } from "../oci/digest.ts";
import { CONFIG_LIMIT_BYTES, parseImageConfig } from "../oci/image-config.ts";
import { MANIFEST_LIMIT_BYTES, isIndexDocument, parseManifestOrIndex } from "../oci/manifest.ts";
import { removeDrafts } from "../store/atomic.ts";
import type { BlobStore } from "../store/blobs.ts";
import type { Paths } from "../store/paths.ts";
import { parseJson } from "../util/json.ts";
import { isMissing } from "../util/system-error.ts";
import type { ImageStore } from "./image-store.ts";

/** The type that stands for "marked, not to be followed". */
const LEAF = "application/octet-stream";

/** Blobs and layers of one image, or of several. */
export interface Parts {
  readonly blobs: ReadonlySet<Digest>;
  /** Bottom first. */
  readonly layers: ReadonlySet<ChainId>;
}

/**
 * Delete those of `candidates` that no reference leads to, and what killed writers left. The
 * caller holds the lock `images` exclusively, and has the layers swept when it let go of it.
 * Returns the layers that are gone, top first.
 */
export async function deleteUnreferenced(
  store: ImageStore,
  candidates: Parts,
): Promise<readonly ChainId[]> {
  const { blobs, layers, references, paths } = store;
  const used = await reachable(blobs, await references.list());
  const gone: ChainId[] = [];
  for (const chainId of [...candidates.layers].reverse()) {
    if (used.layers.has(chainId)) continue;
    await layers.withdraw(chainId);
    gone.push(chainId);
  }
  for (const digest of candidates.blobs) {
    if (!used.blobs.has(digest)) await blobs.delete(digest);
  }
  await removeStaleDrafts(paths);
  return gone;
}

/** What killed writers left: nobody writes while the caller holds the lock exclusively. */
export async function removeStaleDrafts(paths: Paths): Promise<void> {
  for (const directory of [paths.images, paths.blobs]) {
    try {
      await removeDrafts(directory);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
}

/** Everything the descriptors lead to, as far as it is there and can be read. */
export async function reachable(
  blobs: BlobStore,
  entries: readonly { readonly descriptor: Descriptor }[],
): Promise<Parts> {
  const found = { blobs: new Set<Digest>(), layers: new Set<ChainId>() };
  const left = entries.map(({ descriptor }) => descriptor);
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (found.blobs.has(next.digest)) continue;
    found.blobs.add(next.digest);
    left.push(...(await follow(blobs, next, found.layers)));
  }
  return found;
}

/** What a manifest or an index names; its layers' chain ids are added to `layers`. */
async function follow(
  blobs: BlobStore,
  descriptor: Descriptor,
  layers: Set<ChainId>,
): Promise<readonly Descriptor[]> {
  const { mediaType, digest } = descriptor;
  if (mediaType === LEAF) return [];
  try {
    const json = parseJson(await blobs.read(digest, MANIFEST_LIMIT_BYTES), digest);
    const document = parseManifestOrIndex(json, mediaType);
    if (isIndexDocument(document)) return document.manifests;
    const config = await blobs.read(document.config.digest, CONFIG_LIMIT_BYTES);
    const { rootfs } = parseImageConfig(parseJson(config, document.config.digest));
    for (const chainId of chainIds(rootfs.diff_ids)) layers.add(chainId);
    return [document.config, ...document.layers].map((part) => ({ ...part, mediaType: LEAF }));
  } catch {
    return []; // an image that cannot be read needs nothing; it can still be removed
  }
}
