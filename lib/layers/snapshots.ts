/**
 * Unpacked layers, by chain id: `layers/<hex>/` with `diff/`, `layer.json`, and `owners` where some
 * could not be given. A layer is wholly there or absent. The same layer for another set of ids lies
 * beside it, as `<hex>.<ids>`.
 */
import { mkdir, readFile, readdir, rename, stat } from "node:fs/promises";
import { join } from "node:path";

import { isMarmitaError } from "../errors.ts";
import type { UserNamespace } from "../native/helper.ts";
import { syncFilesystem } from "../native/syscalls.ts";
import { type ChainId, hexOf } from "../oci/digest.ts";
import { syncDirectory } from "../store/atomic.ts";
import { lock, tryOnce } from "../store/lock.ts";
import type { Paths } from "../store/paths.ts";
import { storeError } from "../store/store-error.ts";
import { isMissing } from "../util/system-error.ts";
import { removeTree } from "./inside.ts";
import { type LayerRecord, idsKey, idsOf, parseLayerRecord } from "./record.ts";
import { type LayerSource, unpackLayer } from "./unpack.ts";

export interface LayersOptions {
  readonly paths: Paths;
  /** The namespace that layers are unpacked in. */
  readonly mapped: () => Promise<{ readonly namespace: UserNamespace }>;
}

export interface EnsureOptions {
  readonly signal?: AbortSignal;
}

/** A layer found on disk. */
interface Unpacked {
  readonly directory: string;
  readonly record: LayerRecord;
  /** Tells the same record from another one of that name. */
  readonly stamp: string;
}

/** Of a directory being unpacked or deleted; the layer's lock says whether somebody still is. */
const DRAFT = ".draft-";
const DRAFT_NAME = /^\.draft-([0-9a-f]{64})(\.[0-9a-f]+)?$/;

export class Layers {
  readonly #paths: Paths;
  readonly #mapped: LayersOptions["mapped"];
  readonly #known = new Map<ChainId, Unpacked>();

  constructor({ paths, mapped }: LayersOptions) {
    this.#paths = paths;
    this.#mapped = mapped;
  }

  /**
   * Unpack the layer unless it is there; one process does it, others wait. `parents` are the
   * layers below, nearest first, and are there already. Throws `CORRUPT` when the blob or what is
   * in it has another digest than asked for, and then leaves nothing. The caller holds the lock
   * that keeps collectors away.
   */
  async ensure(
    layer: LayerSource,
    parents: readonly ChainId[],
    { signal }: EnsureOptions = {},
  ): Promise<LayerRecord> {
    try {
      const found = await this.#find(layer.chainId);
      if (found !== undefined) return found.record;
      await using _held = await this.#lock(layer.chainId, signal);
      // Whoever held the lock may have done it.
      return ((await this.#find(layer.chainId)) ?? (await this.#unpack(layer, parents, signal)))
        .record;
    } catch (error) {
      throw storeError(error, "unpack layer");
    }
  }

  /** What is known of a layer that is unpacked, for whatever ids. Needs no namespace. */
  async find(chainId: ChainId): Promise<LayerRecord | undefined> {
    try {
      const plain = await this.#read(hexOf(chainId));
      if (plain !== undefined) return plain.record;
      for (const name of await this.#namesOf(chainId)) {
        const found = await this.#read(name);
        if (found !== undefined) return found.record;
      }
      return undefined;
    } catch (error) {
      throw storeError(error, "look for layer");
    }
  }

  /** Where its files are for our ids, once `ensure()` has seen it. */
  directory(chainId: ChainId): string {
    return join(this.#known.get(chainId)?.directory ?? this.#paths.layer(chainId), "diff");
  }

  /**
   * Take it out of sight, for all sets of ids; `sweep()` deletes it. This is quick, so that the
   * caller can hold the lock that keeps users away. Absent is fine.
   */
  async withdraw(chainId: ChainId): Promise<void> {
    try {
      await using _held = await this.#lock(chainId);
      this.#known.delete(chainId);
      const { namespace } = await this.#mapped();
      for (const name of await this.#namesOf(chainId)) await this.#hide(namespace, name);
    } catch (error) {
      throw storeError(error, "remove layer");
    }
  }

  /** Delete what was withdrawn, and what killed processes were unpacking. */
  async sweep(): Promise<void> {
    try {
      const { namespace } = await this.#mapped();
      await this.#sweepDrafts(namespace);
    } catch (error) {
      throw storeError(error, "remove layer");
    }
  }

  #lock(chainId: ChainId, signal?: AbortSignal) {
    const path = this.#paths.lock(`layer-${hexOf(chainId)}`);
    return lock(path, { mode: "exclusive", signal });
  }

  async #find(chainId: ChainId): Promise<Unpacked | undefined> {
    const known = this.#known.get(chainId);
    if (known !== undefined && (await stampOf(known.directory)) === known.stamp) return known;
    this.#known.delete(chainId);
    const ids = idsKey(idsOf((await this.#mapped()).namespace));
    for (const name of [hexOf(chainId), `${hexOf(chainId)}.${ids}`]) {
      const found = await this.#read(name);
      if (found === undefined || idsKey(found.record.ids) !== ids) continue;
      this.#known.set(chainId, found);
      return found;
    }
    return undefined;
  }

  /** `undefined` for one that is absent, damaged or of an older format. */
  async #read(name: string): Promise<Unpacked | undefined> {
    const directory = join(this.#paths.layers, name);
    const path = join(directory, "layer.json");
    try {
      const stamp = await stampOf(directory);
      if (stamp === undefined) return undefined;
      return { directory, stamp, record: parseLayerRecord(await readFile(path), path) };
    } catch (error) {
      if (isMissing(error) || isMarmitaError(error, "CORRUPT")) return undefined;
      throw error;
    }
  }

  /** The caller holds the layer's lock. */
  async #unpack(
    layer: LayerSource,
    parents: readonly ChainId[],
    signal: AbortSignal | undefined,
  ): Promise<Unpacked> {
    const { namespace } = await this.#mapped();
    await mkdir(this.#paths.layers, { recursive: true, mode: 0o700 });
    await this.#sweepDrafts(namespace);
    const name = await this.#freeName(namespace, layer.chainId);
    const draft = join(this.#paths.layers, `${DRAFT}${name}`);
    try {
      const blob = this.#paths.blob(layer.blob.digest);
      for (const parent of parents) {
        if (!this.#known.has(parent)) await this.#find(parent);
      }
      const lowers = parents.map((parent) => this.directory(parent));
      await unpackLayer(namespace, { layer, blob, draft, lowers, signal });
      await syncFilesystem(draft);
      await rename(draft, join(this.#paths.layers, name));
    } catch (error) {
      await removeTree(namespace, [draft]).catch(() => undefined); // the first error counts
      throw error;
    }
    await syncDirectory(this.#paths.layers);
    const unpacked = await this.#find(layer.chainId);
    if (unpacked === undefined) throw new Error(`layer ${layer.chainId} vanished`);
    return unpacked;
  }

  /** The plain name, unless the layer is there for other ids. What is of no use goes. */
  async #freeName(namespace: UserNamespace, chainId: ChainId): Promise<string> {
    const plain = hexOf(chainId);
    const named = `${plain}.${idsKey(idsOf(namespace))}`;
    const name = (await this.#read(plain)) === undefined ? plain : named;
    await removeTree(namespace, [await this.#hide(namespace, name)]);
    return name;
  }

  /** So that nobody ever finds half of it. Returns the draft that it is now. */
  async #hide(namespace: UserNamespace, name: string): Promise<string> {
    const draft = join(this.#paths.layers, `${DRAFT}${name}`);
    await removeTree(namespace, [draft]);
    try {
      await rename(join(this.#paths.layers, name), draft);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    return draft;
  }

  async #namesOf(chainId: ChainId): Promise<readonly string[]> {
    const plain = hexOf(chainId);
    const names = await this.#list();
    return names.filter((name) => name === plain || name.startsWith(`${plain}.`));
  }

  /** What a killed process was unpacking or deleting. */
  async #sweepDrafts(namespace: UserNamespace): Promise<void> {
    for (const name of await this.#list()) {
      const hex = DRAFT_NAME.exec(name)?.[1];
      if (hex === undefined) continue;
      await using held = await tryOnce(this.#paths.lock(`layer-${hex}`), "exclusive");
      if (held !== undefined) await removeTree(namespace, [join(this.#paths.layers, name)]);
    }
  }

  async #list(): Promise<readonly string[]> {
    try {
      return await readdir(this.#paths.layers);
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }
}

async function stampOf(directory: string): Promise<string | undefined> {
  try {
    const { ino, mtimeMs } = await stat(join(directory, "layer.json"));
    return `${ino} ${mtimeMs}`;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
