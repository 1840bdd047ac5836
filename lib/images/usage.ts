/** How much room images take, and which of it they share: `docker system df`. */
import { stat } from "node:fs/promises";
import type { ChainId, Digest } from "../oci/digest.ts";
import { storeError } from "../store/store-error.ts";
import { isMissing } from "../util/system-error.ts";
import { listDownloads } from "./download-garbage.ts";
import { findGarbage } from "./garbage.ts";
import type { ImageStore, LayerDirectory } from "./image-store.ts";
import { type StoredImage, namesOf } from "./names.ts";
import { type Parts, reachable } from "./reachable.ts";
import type { Finder } from "./remove.ts";

export interface ImageUsage {
  readonly id: Digest;
  readonly names: readonly string[];
  /** RFC 3339, when the image says it. */
  readonly created: string | undefined;
  /** Of its layers, unpacked. */
  readonly bytes: number;
  /** Of these, the layers that other images have too. */
  readonly sharedBytes: number;
  /** How many containers are made of it, or have it mounted. */
  readonly containers: number;
}

export interface ImagesUsage {
  readonly items: readonly ImageUsage[];
  /** On disk, with the blobs that layers are unpacked from; what is shared, once. */
  readonly bytes: number;
  /** What would be free without the images that no container needs. */
  readonly reclaimableBytes: number;
  /** What nothing leads to: any prune takes it away. */
  readonly garbage: { readonly count: number; readonly bytes: number };
}

export async function imagesUsage(store: ImageStore, finder: Finder): Promise<ImagesUsage> {
  try {
    return await measure(store, finder);
  } catch (error) {
    throw storeError(error, "measure images");
  }
}

async function measure(store: ImageStore, finder: Finder): Promise<ImagesUsage> {
  const images = await finder.listStored();
  const users = (await store.users?.list()) ?? [];
  const sizes = new Sizes(store, await store.layers.list());
  const counts = images.map(({ content }) => {
    return users.filter((user) => user.images.includes(content.id)).length;
  });
  const sharers = new Map<ChainId, number>();
  for (const { chainId } of images.flatMap(({ content }) => content.layers)) {
    sharers.set(chainId, (sharers.get(chainId) ?? 0) + 1);
  }
  const items = images.map(({ content, entries }, at): ImageUsage => {
    const layers = content.layers.map(({ chainId, descriptor }) => {
      return { chainId, bytes: sizes.layer(chainId) ?? descriptor.size };
    });
    const shared = layers.filter(({ chainId }) => (sharers.get(chainId) ?? 0) > 1);
    return {
      id: content.id,
      names: namesOf({ entries }),
      created: content.config.created,
      bytes: sum(layers),
      sharedBytes: sum(shared),
      containers: counts[at] ?? 0,
    };
  });
  const all = await partsOf(store, images);
  const active = await partsOf(
    store,
    images.filter((_, at) => (counts[at] ?? 0) > 0),
  );
  const bytes = await sizes.of(all);
  const garbage = await findGarbage(store);
  const downloads = await listDownloads(store.paths);
  return {
    items,
    bytes,
    reclaimableBytes: bytes - (await sizes.of(active)),
    garbage: {
      count: garbage.blobs.length + garbage.directories.length + downloads.length,
      bytes:
        (await sizes.blobs(garbage.blobs)) +
        downloads.reduce((total, { size }) => total + size, 0) +
        garbage.directories.reduce((total, { record }) => total + (record?.size ?? 0), 0),
    },
  };
}

function partsOf({ blobs }: ImageStore, images: readonly StoredImage[]): Promise<Parts> {
  return reachable(
    blobs,
    images.flatMap(({ entries }) => entries),
  );
}

class Sizes {
  readonly #store: ImageStore;
  readonly #layers = new Map<ChainId, number[]>();
  readonly #blobs = new Map<Digest, number>();

  constructor(store: ImageStore, directories: readonly LayerDirectory[]) {
    this.#store = store;
    for (const { chainId, record } of directories) {
      if (record === undefined) continue;
      this.#layers.set(chainId, [...(this.#layers.get(chainId) ?? []), record.size]);
    }
  }

  /** Unpacked once; `undefined` for one that is not. */
  layer(chainId: ChainId): number | undefined {
    return this.#layers.get(chainId)?.[0];
  }

  /** With layers as often as they are unpacked. */
  async of({ blobs, layers }: Parts): Promise<number> {
    const unpacked = [...layers].flatMap((chainId) => this.#layers.get(chainId) ?? []);
    return unpacked.reduce((total, one) => total + one, 0) + (await this.blobs([...blobs]));
  }

  async blobs(digests: readonly Digest[]): Promise<number> {
    let total = 0;
    for (const digest of digests) total += this.#blobs.get(digest) ?? (await this.#look(digest));
    return total;
  }

  async #look(digest: Digest): Promise<number> {
    try {
      const { size } = await stat(this.#store.blobs.path(digest));
      this.#blobs.set(digest, size);
      return size;
    } catch (error) {
      if (isMissing(error)) return 0;
      throw error;
    }
  }
}

function sum(list: readonly { readonly bytes: number }[]): number {
  return list.reduce((total, { bytes }) => total + bytes, 0);
}
