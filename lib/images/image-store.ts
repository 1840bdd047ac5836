/** Where the parts of images are. */
import type { Descriptor } from "../oci/descriptor.ts";
import type { PrepareOptions, PreparedLayers } from "../layers/prepare.ts";
import type { LayerSource } from "../layers/unpack.ts";
import type { ChainId, Digest } from "../oci/digest.ts";
import type { FileBlobStore } from "../store/blobs.ts";
import type { Paths } from "../store/paths.ts";
import type { References } from "../store/references.ts";

/** Unpacked layers, as far as images need them. */
export interface LayerStore {
  /** Unpack unless it is there. Throws `CORRUPT` when blob or content are not what they should be. */
  ensure(
    layer: { readonly chainId: ChainId; readonly diffId: Digest; readonly blob: Descriptor },
    parents: readonly ChainId[],
    options: { readonly signal?: AbortSignal },
  ): Promise<unknown>;
  /** The same for all layers of an image, the lowest first; a blob may be a `file` not stored yet. */
  ensureAll(
    layers: readonly LayerSource[],
    options: { readonly signal?: AbortSignal },
  ): Promise<void>;
  /** The same of images in two parts: unpack, which may take its time, and make them visible. */
  prepareAll(
    images: readonly (readonly LayerSource[])[],
    options: PrepareOptions,
  ): Promise<PreparedLayers>;
  /** What is known of an unpacked layer; its size in bytes. */
  find(chainId: ChainId): Promise<{ readonly size: number } | undefined>;
  /** The directories there are, of all layers or some: one for each set of ids it is unpacked for. */
  list(isWanted?: (chainId: ChainId) => boolean): Promise<readonly LayerDirectory[]>;
  /** The name of the directory that the next container would have. */
  current(chainId: ChainId): Promise<string | undefined>;
  /** Take directories out of sight, at once, by their names: those of them that are in nobody's use. */
  withdraw(names: readonly string[]): Promise<readonly string[]>;
  /** Delete what was withdrawn, which may take its time. */
  sweep(): Promise<void>;
}

export interface LayerDirectory {
  readonly name: string;
  readonly chainId: ChainId;
  /** Absent for one that nobody can use: damaged, or of another version's format. */
  readonly record: { readonly size: number } | undefined;
}

/** A container, as far as it keeps images and layers where they are. */
export interface ImageUser {
  readonly id: string;
  readonly name: string;
  /** Those it was made of or has mounted. */
  readonly images: readonly Digest[];
  /** Those it was made of; `undefined` when nobody can tell: it may need any. */
  readonly layers: readonly ChainId[] | undefined;
}

export interface ImageUsers {
  list(): Promise<readonly ImageUser[]>;
  isRunning(id: string): Promise<boolean>;
}

export interface ImageStore {
  readonly paths: Paths;
  readonly blobs: FileBlobStore;
  readonly references: References;
  readonly layers: LayerStore;
  /** Nobody, unless said. */
  readonly users?: ImageUsers;
}
