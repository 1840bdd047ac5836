/**
 * Unpacked layers, by chain id: `layers/<hex>/` with `diff/`, `layer.json`, and `owners` where some
 * could not be given. A layer is wholly there or absent. The same layer for another set of ids lies
 * beside it, as `<hex>.<ids>`; what an older version of us unpacked stays, since a container may be
 * running over it, and the layer is then unpacked as `<hex>.<ids>.<format>`.
 */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, stat } from "node:fs/promises";
import { basename, join } from "node:path";

import { isMarmitaError } from "../errors.ts";
import type { UserNamespace } from "../native/helper.ts";
import { syncFilesystem } from "../native/syscalls.ts";
import { type ChainId, hexOf } from "../oci/digest.ts";
import { syncDirectory } from "../store/atomic.ts";
import { hide, isGone } from "../store/gone.ts";
import { lock, tryOnce } from "../store/lock.ts";
import type { Paths } from "../store/paths.ts";
import { storeError } from "../store/store-error.ts";
import { Disposer } from "../util/disposer.ts";
import { namesIn } from "../util/names-in.ts";
import { isThere } from "../util/is-there.ts";
import { isMissing } from "../util/system-error.ts";
import { removeTree } from "./inside.ts";
import { LAYER_FORMAT, type LayerRecord, idsKey, idsOf, parseLayerRecord } from "./record.ts";
import type { LayerSource } from "./unpack.ts";
import { type LayerStep, unpackLayers } from "./unpack-layers.ts";

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

/** A layer to unpack, and those below it, nearest first. */
interface Wanted {
  readonly layer: LayerSource;
  readonly parents: readonly ChainId[];
}

/** One directory of `layers/`. */
export interface LayerDirectory {
  readonly name: string;
  readonly chainId: ChainId;
  /** Absent for one that is damaged or of another format. */
  readonly record: LayerRecord | undefined;
}

/**
 * A directory being unpacked: the layer's lock says whether somebody still does. Each has a name of
 * its own, since the helper of a killed process may go on for a moment.
 */
const DRAFT = ".draft-";
const DRAFT_NAME = /^\.draft-([0-9a-f]{64})\b/;
const LAYER_NAME = /^([0-9a-f]{64})(?:\.|$)/;

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
      await this.#ensure([{ layer, parents }], signal);
      return (await this.#needed(layer.chainId)).record;
    } catch (error) {
      throw storeError(error, "unpack layer");
    }
  }

  /**
   * The same for all layers of an image, the lowest first: what is missing is unpacked several at a
   * time, and synced once.
   */
  async ensureAll(layers: readonly LayerSource[], { signal }: EnsureOptions = {}): Promise<void> {
    try {
      const chain = layers.map(({ chainId }) => chainId);
      const wanted = layers.map((layer, at) => ({
        layer,
        parents: chain.slice(0, at).reverse(),
      }));
      await this.#ensure(wanted, signal);
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

  /** All there are, or those of some layers, for whatever ids. */
  async list(
    isWanted: (chainId: ChainId) => boolean = () => true,
  ): Promise<readonly LayerDirectory[]> {
    try {
      const found: LayerDirectory[] = [];
      for (const name of await namesIn(this.#paths.layers)) {
        const [, hex] = LAYER_NAME.exec(name) ?? [];
        const chainId: ChainId = `sha256:${hex}`;
        if (hex === undefined || !isWanted(chainId)) continue;
        found.push({ name, chainId, record: (await this.#read(name))?.record });
      }
      return found;
    } catch (error) {
      throw storeError(error, "list layers");
    }
  }

  /** The name of the directory that the next container would have: the one for our ids. */
  async current(chainId: ChainId): Promise<string | undefined> {
    const found = await this.#find(chainId);
    return found && basename(found.directory);
  }

  /**
   * Take directories of `layers/` out of sight, each by its name; `sweep()` deletes them. This is
   * quick. The caller holds the lock that keeps users and unpackers away. Absent is fine.
   */
  async withdraw(names: readonly string[]): Promise<void> {
    try {
      const { layers } = this.#paths;
      for (const name of names) await hide(join(layers, name), layers);
    } catch (error) {
      throw storeError(error, "remove layer");
    }
  }

  /** Delete what was withdrawn, and what killed processes were unpacking. */
  async sweep(): Promise<void> {
    try {
      const names = await namesIn(this.#paths.layers);
      if (!names.some((name) => isGone(name) || DRAFT_NAME.test(name))) return;
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

  #tryLock(hex: string) {
    return tryOnce(this.#paths.lock(`layer-${hex}`), "exclusive");
  }

  async #find(chainId: ChainId): Promise<Unpacked | undefined> {
    const known = this.#known.get(chainId);
    if (known !== undefined && (await stampOf(known.directory)) === known.stamp) return known;
    this.#known.delete(chainId);
    const ids = idsKey(idsOf((await this.#mapped()).namespace));
    for (const name of namesFor(chainId, ids)) {
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

  async #ensure(wanted: readonly Wanted[], signal: AbortSignal | undefined): Promise<void> {
    await using held = new Disposer();
    const missing: Wanted[] = [];
    for (const one of wanted) {
      const { chainId } = one.layer;
      if ((await this.#find(chainId)) !== undefined) continue;
      // Everybody takes them from the lowest up: nobody waits for somebody who waits for him.
      const taken = await this.#lock(chainId, signal);
      held.defer(() => taken[Symbol.asyncDispose]());
      // Whoever held the lock may have done it.
      if ((await this.#find(chainId)) === undefined) missing.push(one);
    }
    if (missing.length > 0) await this.#unpack(missing, signal);
  }

  /** The caller holds the layers' locks. */
  async #unpack(missing: readonly Wanted[], signal: AbortSignal | undefined): Promise<void> {
    const { namespace } = await this.#mapped();
    const { layers } = this.#paths;
    await mkdir(layers, { recursive: true, mode: 0o700 });
    const drafts = new Map<ChainId, string>();
    try {
      await this.#sweepDrafts(namespace, new Set(missing.map(({ layer }) => hexOf(layer.chainId))));
      for (const { layer } of missing) {
        const name = `${DRAFT}${hexOf(layer.chainId)}-${randomUUID().slice(0, 8)}`;
        drafts.set(layer.chainId, join(layers, name));
        await mkdir(join(layers, name, "diff"), { recursive: true, mode: 0o700 });
      }
      const steps = missing.map((one) => this.#stepOf(one, drafts));
      await unpackLayers(namespace, steps, signal);
      await syncFilesystem(layers);
      for (const [chainId, draft] of drafts) {
        await rename(draft, join(layers, await this.#freeName(namespace, chainId)));
      }
    } catch (error) {
      await removeTree(namespace, [...drafts.values()]).catch(() => undefined); // the first error counts
      throw error;
    }
    await syncDirectory(layers);
    for (const { layer } of missing) await this.#needed(layer.chainId);
  }

  #stepOf({ layer, parents }: Wanted, drafts: ReadonlyMap<ChainId, string>): LayerStep {
    const lowers = parents.map((parent) => {
      const draft = drafts.get(parent);
      return draft === undefined ? this.directory(parent) : join(draft, "diff");
    });
    const blob = layer.file ?? this.#paths.blob(layer.blob.digest);
    return { layer, blob, lowers, draft: drafts.get(layer.chainId) ?? "" };
  }

  async #needed(chainId: ChainId): Promise<Unpacked> {
    const unpacked = await this.#find(chainId);
    if (unpacked === undefined) throw new Error(`layer ${chainId} vanished`);
    return unpacked;
  }

  /** The first that nobody has; should all be taken by what is of no use, the last. */
  async #freeName(namespace: UserNamespace, chainId: ChainId): Promise<string> {
    const names = namesFor(chainId, idsKey(idsOf(namespace)));
    for (const name of names) {
      if (!(await isThere(join(this.#paths.layers, name)))) return name;
    }
    const last = names.at(-1) ?? hexOf(chainId);
    await this.withdraw([last]);
    return last;
  }

  async #namesOf(chainId: ChainId): Promise<readonly string[]> {
    const plain = hexOf(chainId);
    const names = await namesIn(this.#paths.layers);
    return names.filter((name) => name === plain || name.startsWith(`${plain}.`));
  }

  /** What killed processes were unpacking, and what is out of sight. `held`: whose locks we have. */
  async #sweepDrafts(namespace: UserNamespace, held?: ReadonlySet<string>): Promise<void> {
    const names = await namesIn(this.#paths.layers);
    const gone = names.filter(isGone).map((name) => join(this.#paths.layers, name));
    await removeTree(namespace, gone);
    for (const name of names) {
      const hex = DRAFT_NAME.exec(name)?.[1];
      if (hex === undefined) continue;
      const isOurs = held?.has(hex) === true;
      await using taken = isOurs ? undefined : await this.#tryLock(hex);
      if (!isOurs && taken === undefined) continue;
      await removeTree(namespace, [join(this.#paths.layers, name)]);
    }
  }
}

/** Where a layer for these ids may lie, in the order in which it is looked for. */
function namesFor(chainId: ChainId, ids: string): readonly string[] {
  const plain = hexOf(chainId);
  return [plain, `${plain}.${ids}`, `${plain}.${ids}.${LAYER_FORMAT}`];
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
