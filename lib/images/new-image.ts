/** An image about to be stored. */
import type { Descriptor } from "../oci/descriptor.ts";
import type { TakenMember } from "./archive.ts";
import type { ImageContent } from "./image.ts";

export interface NewImage {
  readonly content: ImageContent;
  readonly names: readonly string[];
  /** What registries know it by, in full. */
  readonly repoDigests?: readonly string[] | undefined;
  /** Of the manifest. */
  readonly descriptor: Descriptor;
  readonly manifest: Uint8Array;
  readonly config: Uint8Array;
  /** A layer's blob as a draft on the same file system; `undefined` where it is not at hand. */
  takeLayer(descriptor: Descriptor): Promise<TakenMember | undefined>;
}
