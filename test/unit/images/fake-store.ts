/** An image store on disk whose layers are only remembered, and whose writes can fail. */
import { readdir } from "node:fs/promises";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type {
  ImageStore,
  ImageUser,
  ImageUsers,
  LayerDirectory,
  LayerStore,
} from "../../../lib/images/image-store.ts";
import { ImageLibrary } from "../../../lib/images/library.ts";
import { type ChainId, hexOf } from "../../../lib/oci/digest.ts";
import { type DraftBlob, FileBlobStore } from "../../../lib/store/blobs.ts";
import { Paths } from "../../../lib/store/paths.ts";
import { type NamedDescriptor, References } from "../../../lib/store/references.ts";
import { temporaryFolder } from "../../helpers/folder.ts";

export interface FakeStore extends ImageStore {
  readonly layers: FakeLayers;
  readonly users: FakeUsers;
  readonly library: ImageLibrary;
  readonly faults: Faults;
}

/** Lets the n-th write fail, counted over all parts of the store. */
export class Faults {
  failAt = Infinity;
  writes = 0;

  check(): void {
    this.writes++;
    if (this.writes !== this.failAt) return;
    throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
  }
}

export class FakeLayers implements LayerStore {
  readonly #paths: Paths;
  readonly #faults: Faults;
  /** What `ensure` was asked for: chain id and the number of parents. */
  readonly asked: [ChainId, number][] = [];

  constructor(paths: Paths, faults: Faults) {
    this.#paths = paths;
    this.#faults = faults;
  }

  async ensure(layer: { readonly chainId: ChainId }, parents: readonly ChainId[]): Promise<void> {
    this.asked.push([layer.chainId, parents.length]);
    this.#faults.check();
    mkdirSync(this.#paths.layer(layer.chainId), { recursive: true });
  }

  async ensureAll(layers: readonly { readonly chainId: ChainId }[]): Promise<void> {
    for (const [at, layer] of layers.entries()) {
      await this.ensure(
        layer,
        layers.slice(0, at).map(({ chainId }) => chainId),
      );
    }
  }

  async prepareAll(
    images: readonly (readonly { readonly chainId: ChainId }[])[],
  ): Promise<AsyncDisposable & { place(): Promise<void> }> {
    return {
      place: async () => {
        for (const layers of images) await this.ensureAll(layers);
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }

  async find(): Promise<{ size: number }> {
    return { size: 100 };
  }

  async list(
    isWanted: (chainId: ChainId) => boolean = () => true,
  ): Promise<readonly LayerDirectory[]> {
    const names = existsSync(this.#paths.layers) ? readdirSync(this.#paths.layers) : [];
    return names
      .filter((name) => !name.startsWith("."))
      .map((name) => ({ name, chainId: `sha256:${name}` as const, record: { size: 100 } }))
      .filter(({ chainId }) => isWanted(chainId));
  }

  async current(chainId: ChainId): Promise<string> {
    return hexOf(chainId);
  }

  async withdraw(names: readonly string[]): Promise<readonly string[]> {
    for (const name of names) {
      renameSync(join(this.#paths.layers, name), join(this.#paths.layers, `.gone-${name}`));
    }
    return names;
  }

  async sweep(): Promise<void> {
    if (!existsSync(this.#paths.layers)) return;
    for (const name of readdirSync(this.#paths.layers)) {
      if (name.startsWith(".gone-")) rmSync(join(this.#paths.layers, name), { recursive: true });
    }
  }
}

export class FakeUsers implements ImageUsers {
  readonly containers: (ImageUser & { readonly isRunning?: boolean })[] = [];

  async list(): Promise<readonly ImageUser[]> {
    return this.containers;
  }

  async isRunning(id: string): Promise<boolean> {
    return this.containers.some((one) => one.id === id && one.isRunning === true);
  }
}

class FaultyBlobs extends FileBlobStore {
  readonly #faults: Faults;

  constructor(root: string, faults: Faults) {
    super(root);
    this.#faults = faults;
  }

  /** One after the other, so that each may be the last. */
  override async adopt(...blobs: readonly DraftBlob[]): Promise<void> {
    for (const blob of blobs) {
      this.#faults.check();
      await super.adopt(blob);
    }
  }
}

class FaultyReferences extends References {
  readonly #faults: Faults;

  constructor(paths: Paths, faults: Faults) {
    super(paths);
    this.#faults = faults;
  }

  override async set(...named: readonly NamedDescriptor[]): Promise<void> {
    this.#faults.check();
    await super.set(...named);
  }
}

export async function fakeStore(): Promise<FakeStore> {
  const faults = new Faults();
  const paths = new Paths(await temporaryFolder());
  const store = {
    paths,
    faults,
    blobs: new FaultyBlobs(paths.blobs, faults),
    references: new FaultyReferences(paths, faults),
    layers: new FakeLayers(paths, faults),
    users: new FakeUsers(),
  };
  return { ...store, library: new ImageLibrary(store) };
}

/** Every blob, layer and draft there is. */
export async function contentsOf({ paths }: ImageStore): Promise<readonly string[]> {
  const found = [paths.images, paths.blobs, join(paths.blobs, "sha256"), paths.layers].map(
    async (directory) =>
      (await readdir(directory).catch(() => [])).map((name) => `${directory}/${name}`),
  );
  const names = (await Promise.all(found)).flat();
  return names.filter((name) => !/\/(blobs|sha256|oci-layout|index\.json)$/.test(name));
}
