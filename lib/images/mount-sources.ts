/** Repositories of a registry that have a layer, as far as the store knows where its images are. */
import type { Digest } from "../oci/digest.ts";
import { parseReference } from "../oci/reference.ts";
import type { StoredImage } from "./names.ts";

/** More questions than this cost more than they save. */
const MOST_SOURCES = 3;

/** Who knows all images. */
export interface ImageLister {
  listStored(): Promise<readonly StoredImage[]>;
}

export interface Repository {
  readonly domain: string;
  readonly path: string;
}

export class MountSources {
  readonly #lister: ImageLister;
  readonly #target: Repository;
  #found: Promise<ReadonlyMap<Digest, ReadonlySet<string>>> | undefined;

  /** For blobs of the repository `target`. */
  constructor(lister: ImageLister, target: Repository) {
    this.#lister = lister;
    this.#target = target;
  }

  /** Paths of other repositories of that registry, which had the blob when we last saw them. */
  async of(blob: Digest): Promise<readonly string[]> {
    this.#found ??= this.#find();
    return [...((await this.#found).get(blob) ?? [])].slice(0, MOST_SOURCES);
  }

  async #find(): Promise<ReadonlyMap<Digest, ReadonlySet<string>>> {
    const found = new Map<Digest, Set<string>>();
    for (const image of await this.#lister.listStored()) {
      const paths = this.#pathsOf(image);
      if (paths.length === 0) continue;
      for (const { descriptor } of image.content.layers) {
        const known = found.get(descriptor.digest) ?? new Set();
        for (const path of paths) known.add(path);
        found.set(descriptor.digest, known);
      }
    }
    return found;
  }

  #pathsOf({ entries }: StoredImage): readonly string[] {
    const { domain, path } = this.#target;
    return entries
      .flatMap(({ repoDigests }) => repoDigests ?? [])
      .map((text) => parseReference(text))
      .filter((reference) => reference.domain === domain && reference.path !== path)
      .map((reference) => reference.path);
  }
}
