/** How far a pull or a push is, told as it goes: what happens, and how often it is told. */
import type { Digest } from "../oci/digest.ts";

/**
 * Of the image as a whole: `resolving` (the registry is asked what the name means), `resolved`,
 * `preparing` (of a push), `done`. Of a layer:
 *
 * - pulled: `exists` (here already) or `waiting` (for its turn, or for somebody who downloads it),
 *   `downloading`, `retrying` (after a break; then `downloading` again), `verifying`,
 *   `downloaded`, `unpacking` (also while it is downloaded), `done`;
 * - pushed: `preparing`, then `exists` (there already), `mounted` (from another repository there)
 *   or `uploading` and `uploaded`; `retrying` as above.
 */
export type TransferPhase =
  | "resolving"
  | "resolved"
  | "waiting"
  | "exists"
  | "downloading"
  | "retrying"
  | "verifying"
  | "downloaded"
  | "unpacking"
  | "done"
  | "preparing"
  | "uploading"
  | "mounted"
  | "uploaded";

export interface TransferProgress {
  /** Which image, for what is told of it as a whole: `docker.io/library/busybox:latest`. */
  readonly reference?: string;
  /**
   * With `resolved`: what the name stands for in the registry, an index or a manifest. With `done`
   * of a push: of the manifest there, whose size `totalBytes` is.
   */
  readonly digest?: Digest;
  /** With `done` of an image: whether anything was fetched, or its name meant another before. */
  readonly isNew?: boolean;
  /** With `mounted`: the repository it is taken from, `library/busybox`. */
  readonly from?: string;
  /** The digest of the layer's blob; without it the image as a whole is meant. */
  readonly layer?: Digest;
  readonly phase: TransferPhase;
  /** Of the blob as it is sent, mostly compressed; while `unpacking` what of it is unpacked. */
  readonly currentBytes?: number;
  /** Of the same, as far as it is known. */
  readonly totalBytes?: number;
  /** With `retrying`: which attempt comes (2: the second), in how long, and what went wrong. */
  readonly retry?: { readonly attempt: number; readonly delayMs: number; readonly reason: string };
}

/** What it throws ends the pull or push, which rejects with it. */
export type OnProgress = (progress: TransferProgress) => void;

/** Ten times a second is as much as an eye follows. */
const INTERVAL_MS = 100;

/**
 * The same, but told how far a phase of a layer is at most ten times a second. Told at once are
 * another phase, a retry, and the end of one.
 */
export function paced(
  onProgress: OnProgress,
  now: () => number = () => performance.now(),
): OnProgress {
  /** By layer and phase: two phases of one layer go on at once. */
  const told = new Map<string, number>();
  return (progress) => {
    const { layer, phase, currentBytes, totalBytes, retry } = progress;
    const isBetween = layer !== undefined && currentBytes !== undefined && retry === undefined;
    if (isBetween && currentBytes !== totalBytes) {
      const key = `${phase} ${layer}`;
      const time = now();
      if (time - (told.get(key) ?? -INTERVAL_MS) < INTERVAL_MS) return;
      told.set(key, time);
    }
    onProgress(progress);
  };
}
