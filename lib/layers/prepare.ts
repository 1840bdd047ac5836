/**
 * Layers are prepared as drafts that nobody sees, which may take as long as a download, and then
 * placed, which is quick.
 *
 * Meanwhile each layer of the chain is locked: those to unpack exclusively, so that others wait for
 * them and do not do it too; those that are there already as shared, so that no collector takes them
 * from below the new ones. Everybody takes the locks from the lowest layer up, and those of equal
 * height by their names: nobody waits for somebody who waits for him.
 */
import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";

import { syncFilesystem } from "../native/syscalls.ts";
import type { ChainId, Digest } from "../oci/digest.ts";
import { syncDirectory } from "../store/atomic.ts";
import type { Lock } from "../store/lock.ts";
import { storeError } from "../store/store-error.ts";
import { Disposer } from "../util/disposer.ts";
import type { LayerDirectories } from "./directories.ts";
import { makeDraft, sweepDrafts } from "./drafts.ts";
import { removeTree } from "./inside.ts";
import { type LayerSource, OtherBytes } from "./unpack.ts";
import { type LayerStep, unpackLayers } from "./unpack-layers.ts";

/** Nobody sees them yet. What is not placed is deleted when this is disposed of. */
export interface PreparedLayers extends AsyncDisposable {
  /**
   * Make them visible, all at once as far as a killed process is concerned: the lowest first. The
   * caller holds the lock that keeps collectors away, until a reference leads to them.
   */
  place(): Promise<void>;
}

export interface PrepareOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: UnpackProgress) => void) | undefined;
}

/** How far a layer is; what the callback throws ends it all. */
export interface UnpackProgress {
  /** The digest of its blob. */
  readonly layer: Digest;
  /** `exists`: it was there already. */
  readonly phase: "exists" | "unpacking" | "done";
  /** Of the blob. */
  readonly currentBytes: number;
  readonly totalBytes: number;
}

/** A layer, and those below it, nearest first. */
export interface Wanted {
  readonly layer: LayerSource;
  readonly parents: readonly ChainId[];
}

/** The layers of an image, the lowest first. */
export function chainOf(layers: readonly LayerSource[]): readonly Wanted[] {
  const chain = layers.map(({ chainId }) => chainId);
  return layers.map((layer, at) => ({ layer, parents: chain.slice(0, at).reverse() }));
}

/** Each once, in the order in which everybody takes their locks. */
export function inOrder(wanted: readonly Wanted[]): readonly Wanted[] {
  const once = new Map(wanted.map((one) => [one.layer.chainId, one]));
  const height = ({ parents }: Wanted) => parents.length;
  const isBefore = (one: Wanted, other: Wanted) =>
    one.layer.chainId < other.layer.chainId ? -1 : 1;
  return [...once.values()].sort(
    (one, other) => height(one) - height(other) || isBefore(one, other),
  );
}

interface PinOptions {
  /** Whether layers that are there already are kept there until the end. */
  readonly isPinning: boolean;
}

/** Rejects with the first failure, and then leaves nothing. */
export async function prepareLayers(
  layers: LayerDirectories,
  wanted: readonly Wanted[],
  options: PrepareOptions & PinOptions,
): Promise<PreparedLayers> {
  const prepared = new DraftLayers(layers);
  for (const { layer } of wanted) ignoreUntilAsked(layer);
  try {
    const missing: Wanted[] = [];
    for (const one of inOrder(wanted)) {
      const { lock, isThere } = await lockOf(layers, one.layer.chainId, options);
      if (lock !== undefined) prepared.hold(lock);
      if (isThere) tell(one.layer, "exists", options);
      else missing.push(one);
    }
    if (missing.length > 0) await prepared.unpack(missing, options);
    return prepared;
  } catch (error) {
    await prepared[Symbol.asyncDispose]();
    throw error;
  }
}

/** A download may fail before anybody gets to its layer, or when others have failed already. */
function ignoreUntilAsked({ growing }: LayerSource): void {
  for (const promise of [growing?.begun, growing?.whole]) promise?.catch(() => undefined);
}

function tell({ blob }: LayerSource, phase: "exists" | "done", options: PrepareOptions): void {
  const { digest, size } = blob;
  options.onProgress?.({ layer: digest, phase, currentBytes: size, totalBytes: size });
}

interface Locked {
  readonly isThere: boolean;
  /** Absent for one that is there and need not be kept. */
  readonly lock: Lock | undefined;
}

async function lockOf(
  layers: LayerDirectories,
  chainId: ChainId,
  { isPinning, signal }: PrepareOptions & PinOptions,
): Promise<Locked> {
  for (;;) {
    const isThere = (await layers.find(chainId)) !== undefined;
    if (isThere && !isPinning) return { isThere, lock: undefined };
    const lock = await layers.lock(chainId, isThere ? "shared" : "exclusive", signal);
    // Whoever held it may have unpacked it, or taken it away.
    if (((await layers.find(chainId)) !== undefined) === isThere) return { isThere, lock };
    await lock[Symbol.asyncDispose]();
  }
}

async function whenWhole({ layer, parents }: Wanted): Promise<Wanted> {
  const { growing, ...rest } = layer;
  return growing === undefined
    ? { layer, parents }
    : { layer: { ...rest, file: await growing.whole }, parents };
}

class DraftLayers implements PreparedLayers {
  readonly #layers: LayerDirectories;
  readonly #locks = new Disposer();
  readonly #drafts = new Map<ChainId, string>();

  constructor(layers: LayerDirectories) {
    this.#layers = layers;
  }

  hold(lock: Lock): void {
    this.#locks.defer(() => lock[Symbol.asyncDispose]());
  }

  /** Their locks are held. */
  async unpack(missing: readonly Wanted[], options: PrepareOptions): Promise<void> {
    const layers = this.#layers;
    await mkdir(layers.path, { recursive: true, mode: 0o700 });
    await sweepDrafts(
      layers,
      missing.map(({ layer }) => layer.chainId),
    );
    try {
      await this.#unpackOnce(missing, options);
    } catch (error) {
      if (!(error instanceof OtherBytes)) throw error;
      await removeTree(await layers.namespace(), [...this.#drafts.values()]);
      await this.#unpackOnce(await Promise.all(missing.map(whenWhole)), options);
    }
    await syncFilesystem(layers.path);
  }

  async #unpackOnce(missing: readonly Wanted[], options: PrepareOptions): Promise<void> {
    const layers = this.#layers;
    for (const { layer } of missing) {
      this.#drafts.set(layer.chainId, await makeDraft(layers, layer.chainId));
    }
    const steps = missing.map((one) => this.#stepOf(one));
    await unpackLayers(await layers.namespace(), steps, options);
  }

  #stepOf({ layer, parents }: Wanted): LayerStep {
    const lowers = parents.map((parent) => {
      const draft = this.#drafts.get(parent);
      return draft === undefined ? this.#layers.diff(parent) : join(draft, "diff");
    });
    const blob = layer.file ?? this.#layers.blob(layer.blob.digest);
    return { layer, parents, blob, lowers, draft: this.#drafts.get(layer.chainId) ?? "" };
  }

  async place(): Promise<void> {
    const placed = [...this.#drafts];
    if (placed.length === 0) return;
    try {
      for (const [chainId, draft] of placed) {
        await rename(draft, await this.#layers.free(chainId));
        this.#drafts.delete(chainId);
      }
      await syncDirectory(this.#layers.path);
    } catch (error) {
      throw storeError(error, "unpack layer");
    }
    for (const [chainId] of placed) {
      if ((await this.#layers.find(chainId)) === undefined) {
        throw new Error(`layer ${chainId} vanished`);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const drafts = [...this.#drafts.values()];
    this.#drafts.clear();
    try {
      if (drafts.length > 0) await removeTree(await this.#layers.namespace(), drafts);
    } catch {
      // The next one's, then; what brought us here is the error to report.
    }
    await this.#locks[Symbol.asyncDispose]();
  }
}
