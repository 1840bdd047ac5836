/** Where the parts of images are. */
import type { Descriptor } from "../oci/descriptor.ts";
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
  /** What is known of an unpacked layer; its size in bytes. */
  find(chainId: ChainId): Promise<{ readonly size: number } | undefined>;
  /** Take it out of sight, at once. */
  withdraw(chainId: ChainId): Promise<void>;
  /** Delete what was withdrawn, which may take its time. */
  sweep(): Promise<void>;
}

export interface ImageStore {
  readonly paths: Paths;
  readonly blobs: FileBlobStore;
  readonly references: References;
  readonly layers: LayerStore;
}
