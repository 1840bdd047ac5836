/**
 * Which directory of `layers/` is which layer: `layers/<hex>/` with `diff/`, `layer.json`, and
 * `owners` where some could not be given. The same layer for another set of ids lies beside it, as
 * `<hex>.<ids>`; what an older version of us unpacked stays, since a container may be running over
 * it, and the layer is then unpacked as `<hex>.<ids>.<format>`.
 */
import { readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";

import { isMarmitaError } from "../errors.ts";
import type { UserNamespace } from "../native/helper.ts";
import { type ChainId, type Digest, hexOf } from "../oci/digest.ts";
import { hide } from "../store/gone.ts";
import { type Lock, lock, tryOnce } from "../store/lock.ts";
import type { Paths } from "../store/paths.ts";
import { isThere } from "../util/is-there.ts";
import { namesIn } from "../util/names-in.ts";
import { errnoOf, isMissing } from "../util/system-error.ts";
import { LAYER_FORMAT, type LayerRecord, idsKey, idsOf, parseLayerRecord } from "./record.ts";

export interface LayersOptions {
  readonly paths: Paths;
  /** The namespace that layers are unpacked in. */
  readonly mapped: () => Promise<{ readonly namespace: UserNamespace }>;
}

/** A layer found on disk. */
export interface Unpacked {
  readonly directory: string;
  readonly record: LayerRecord;
  /** Tells the same record from another one of that name. */
  readonly stamp: string;
}

/** One directory of `layers/`. */
export interface LayerDirectory {
  readonly name: string;
  readonly chainId: ChainId;
  /** Absent for one that is damaged or of another format. */
  readonly record: LayerRecord | undefined;
}

const LAYER_NAME = /^([0-9a-f]{64})(?:\.|$)/;

export class LayerDirectories {
  /** Of `layers/`. */
  readonly path: string;
  readonly #paths: Paths;
  readonly #mapped: LayersOptions["mapped"];
  readonly #known = new Map<ChainId, Unpacked>();

  constructor({ paths, mapped }: LayersOptions) {
    this.path = paths.layers;
    this.#paths = paths;
    this.#mapped = mapped;
  }

  async namespace(): Promise<UserNamespace> {
    return (await this.#mapped()).namespace;
  }

  /** Of whoever unpacks it, exclusively, or relies on it without the lock `images`. */
  lock(chainId: ChainId, mode: "shared" | "exclusive", signal?: AbortSignal): Promise<Lock> {
    return lock(this.#lockPath(hexOf(chainId)), { mode, signal });
  }

  /** `undefined` while somebody has it. */
  tryLock(hex: string): Promise<Lock | undefined> {
    return tryOnce(this.#lockPath(hex), "exclusive");
  }

  #lockPath(hex: string): string {
    return this.#paths.lock(`layer-${hex}`);
  }

  /** Where its files are for our ids, once it was found. */
  diff(chainId: ChainId): string {
    return join(this.#known.get(chainId)?.directory ?? this.#paths.layer(chainId), "diff");
  }

  /** Where a blob is in the store. */
  blob(digest: Digest): string {
    return this.#paths.blob(digest);
  }

  /** The one for our ids. */
  async find(chainId: ChainId): Promise<Unpacked | undefined> {
    const known = this.#known.get(chainId);
    if (known !== undefined && (await stampOf(known.directory)) === known.stamp) return known;
    this.#known.delete(chainId);
    const ids = idsKey(idsOf(await this.namespace()));
    for (const name of namesFor(chainId, ids)) {
      const found = await this.#read(name);
      if (found === undefined || idsKey(found.record.ids) !== ids) continue;
      this.#known.set(chainId, found);
      return found;
    }
    return undefined;
  }

  /** One for whatever ids; needs no namespace. */
  async findAny(chainId: ChainId): Promise<Unpacked | undefined> {
    const plain = await this.#read(hexOf(chainId));
    if (plain !== undefined) return plain;
    for (const name of await this.#namesOf(chainId)) {
      const found = await this.#read(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async list(isWanted: (chainId: ChainId) => boolean): Promise<readonly LayerDirectory[]> {
    const found: LayerDirectory[] = [];
    for (const name of await namesIn(this.path)) {
      const chainId = chainIdOf(name);
      if (chainId === undefined || !isWanted(chainId)) continue;
      found.push({ name, chainId, record: (await this.#read(name))?.record });
    }
    return found;
  }

  /** The name of the one for our ids. */
  async current(chainId: ChainId): Promise<string | undefined> {
    const found = await this.find(chainId);
    return found && basename(found.directory);
  }

  /** Out of sight, unless somebody relies on it: then false. Absent is fine. */
  async withdraw(name: string): Promise<boolean> {
    const chainId = chainIdOf(name);
    await using free = await this.#ifUnused(chainId);
    if (free === undefined) return false;
    await hide(join(this.path, name), this.path);
    return true;
  }

  async #ifUnused(chainId: ChainId | undefined): Promise<AsyncDisposable | undefined> {
    const nothing = { [Symbol.asyncDispose]: () => Promise.resolve() };
    if (chainId === undefined) return nothing;
    try {
      return await this.tryLock(hexOf(chainId));
    } catch (error) {
      const errno = errnoOf(error);
      if (errno !== "ENOSPC" && errno !== "EDQUOT") throw error;
      return nothing; // there was no such file, and nobody has room for one
    }
  }

  /**
   * The path that a new one for our ids takes: the first that nobody has; should all be taken by
   * what is of no use, the last. The caller holds the layer's lock.
   */
  async free(chainId: ChainId): Promise<string> {
    const names = namesFor(chainId, idsKey(idsOf(await this.namespace())));
    for (const name of names) {
      if (!(await isThere(join(this.path, name)))) return join(this.path, name);
    }
    const last = join(this.path, names.at(-1) ?? hexOf(chainId));
    await hide(last, this.path);
    return last;
  }

  /** `undefined` for one that is absent, damaged or of an older format. */
  async #read(name: string): Promise<Unpacked | undefined> {
    const directory = join(this.path, name);
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

  async #namesOf(chainId: ChainId): Promise<readonly string[]> {
    const plain = hexOf(chainId);
    const names = await namesIn(this.path);
    return names.filter((name) => name === plain || name.startsWith(`${plain}.`));
  }
}

function chainIdOf(name: string): ChainId | undefined {
  const hex = LAYER_NAME.exec(name)?.[1];
  return hex === undefined ? undefined : `sha256:${hex}`;
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
