/**
 * Unpacked layers, by chain id: `layers/<hex>/`. A layer is wholly there or absent.
 */
import type { ChainId } from "../oci/digest.ts";
import { storeError } from "../store/store-error.ts";
import { type LayerDirectory, LayerDirectories, type LayersOptions } from "./directories.ts";
import { hasLeftovers, sweepDrafts } from "./drafts.ts";
import {
  type PrepareOptions,
  type PreparedLayers,
  type Wanted,
  chainOf,
  prepareLayers,
} from "./prepare.ts";
import type { LayerRecord } from "./record.ts";
import type { LayerSource } from "./unpack.ts";

export class Layers {
  readonly #directories: LayerDirectories;

  constructor(options: LayersOptions) {
    this.#directories = new LayerDirectories(options);
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
    options: EnsureOptions = {},
  ): Promise<LayerRecord> {
    await this.#ensure([{ layer, parents }], options);
    const found = await this.#directories.find(layer.chainId);
    if (found === undefined) throw new Error(`layer ${layer.chainId} vanished`);
    return found.record;
  }

  /**
   * The same for all layers of an image, the lowest first: what is missing is unpacked several at a
   * time, and synced once.
   */
  async ensureAll(layers: readonly LayerSource[], options: EnsureOptions = {}): Promise<void> {
    await this.#ensure(chainOf(layers), options);
  }

  /**
   * The first and long part of `ensureAll`, of one image or several: needs no lock, and nobody sees
   * any of it. Layers that are there already stay until what is returned is disposed of.
   */
  async prepareAll(
    images: readonly (readonly LayerSource[])[],
    options: PrepareOptions = {},
  ): Promise<PreparedLayers> {
    return this.#prepare(images.flatMap(chainOf), options, true);
  }

  async #ensure(wanted: readonly Wanted[], options: EnsureOptions): Promise<void> {
    await using prepared = await this.#prepare(wanted, options, false);
    await prepared.place();
  }

  async #prepare(wanted: readonly Wanted[], options: PrepareOptions, isPinning: boolean) {
    try {
      return await prepareLayers(this.#directories, wanted, { ...options, isPinning });
    } catch (error) {
      throw storeError(error, "unpack layer");
    }
  }

  /** What is known of a layer that is unpacked, for whatever ids. Needs no namespace. */
  async find(chainId: ChainId): Promise<LayerRecord | undefined> {
    try {
      return (await this.#directories.findAny(chainId))?.record;
    } catch (error) {
      throw storeError(error, "look for layer");
    }
  }

  /** Where its files are for our ids, once `ensure()` has seen it. */
  directory(chainId: ChainId): string {
    return this.#directories.diff(chainId);
  }

  /** All there are, or those of some layers, for whatever ids. */
  async list(
    isWanted: (chainId: ChainId) => boolean = () => true,
  ): Promise<readonly LayerDirectory[]> {
    try {
      return await this.#directories.list(isWanted);
    } catch (error) {
      throw storeError(error, "list layers");
    }
  }

  /** The name of the directory that the next container would have: the one for our ids. */
  async current(chainId: ChainId): Promise<string | undefined> {
    return this.#directories.current(chainId);
  }

  /**
   * Take directories of `layers/` out of sight, each by its name; `sweep()` deletes them. This is
   * quick. The caller holds the lock that keeps users and unpackers away. Absent is fine. Resolves
   * to the names of those that went: what somebody prepares layers above stays.
   */
  async withdraw(names: readonly string[]): Promise<readonly string[]> {
    const gone: string[] = [];
    try {
      for (const name of names) if (await this.#directories.withdraw(name)) gone.push(name);
    } catch (error) {
      throw storeError(error, "remove layer");
    }
    return gone;
  }

  /** Delete what was withdrawn, and what killed processes were unpacking. */
  async sweep(): Promise<void> {
    try {
      if (await hasLeftovers(this.#directories)) await sweepDrafts(this.#directories);
    } catch (error) {
      throw storeError(error, "remove layer");
    }
  }
}

export interface EnsureOptions {
  readonly signal?: AbortSignal;
}
