/** What callers may ask of a pull, and what they get. */
import type { Digest } from "../oci/digest.ts";
import type { Credentials } from "../registry/credentials.ts";
import type { Image } from "./image.ts";
import type { OnProgress } from "./progress.ts";

export interface PullOptions {
  /** `linux/arm64`: which image of an index. Default: this machine's. */
  readonly platform?: string | undefined;
  /** In place of what is found in the files that `login` writes. */
  readonly auth?: Credentials | undefined;
  /** False: certificates are not checked, and plain HTTP will do. */
  readonly tlsVerify?: boolean | undefined;
  /** Layers downloaded at once. Default: 3. */
  readonly downloads?: number | undefined;
  readonly onProgress?: OnProgress | undefined;
  /** What was downloaded so far is kept, and the next pull goes on from there. */
  readonly signal?: AbortSignal | undefined;
}

export interface PulledImage extends Image {
  /** What was pulled, in full: `docker.io/library/busybox:latest`, or with a digest in place of the tag. */
  readonly reference: string;
  /** What that stands for in the registry: an index, or the image's manifest. */
  readonly remoteDigest: Digest;
  /** Whether the name meant another image, or none, before. */
  readonly isNew: boolean;
}
