/** What callers may copy into a container and out of one, and how. */
import type { Readable } from "node:stream";
import type { ByteTarget } from "../images/drain.ts";
import type { CopiedFiles } from "../layers/copy.ts";

/** A path of this machine; or a tar, plain or packed, as a stream or a descriptor. */
export type CopySource = string | Readable | { readonly fd: number };

/** A path of this machine; or a stream or a descriptor that gets a tar. */
export type CopyTarget = ByteTarget;

export interface CopyOptions {
  /**
   * Owners are those of the source. Without, they are root in the container and the caller here;
   * from a tar they are always those of the tar. Default: false.
   */
  readonly keepOwners?: boolean | undefined;
  /** A link at the source's path is the file it leads to. Default: false, it is copied itself. */
  readonly followLinks?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Copied out to a stream or a descriptor. */
export type CopiedOut = Pick<CopiedFiles, "entries">;
