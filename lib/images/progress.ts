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
 * Tells how far a phase of a layer is at most ten times a second; what comes in between is kept back,
 * and the last of it told then. Told at once are another phase, a retry, and the end of one. Disposed
 * of, it tells nothing any more.
 */
export class Pace implements Disposable {
  readonly tell: OnProgress;
  readonly #onProgress: OnProgress;
  /** By layer and phase, for two phases of one layer go on at once. */
  readonly #toldAt = new Map<string, number>();
  readonly #keptBack = new Map<string, TransferProgress>();
  #timer: NodeJS.Timeout | undefined;

  /** `onProgress` is also called by a timer, where nobody catches what it throws. */
  constructor(onProgress: OnProgress) {
    this.#onProgress = onProgress;
    this.tell = (progress) => {
      if (isMeasure(progress)) this.#measured(progress);
      else this.#tellAtOnce(progress);
    };
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#keptBack.clear();
  }

  #measured(progress: TransferProgress): void {
    const key = keyOf(progress);
    const now = performance.now();
    if (now - (this.#toldAt.get(key) ?? -INTERVAL_MS) < INTERVAL_MS) {
      this.#keptBack.set(key, progress);
      this.#timer ??= setTimeout(this.#tellKeptBack, INTERVAL_MS).unref();
      return;
    }
    this.#keptBack.delete(key);
    this.#toldAt.set(key, now);
    this.#onProgress(progress);
  }

  #tellAtOnce(progress: TransferProgress): void {
    const { layer } = progress;
    for (const [key, kept] of this.#keptBack) {
      if (layer === undefined || kept.layer === layer) this.#keptBack.delete(key);
    }
    this.#onProgress(progress);
  }

  readonly #tellKeptBack = (): void => {
    this.#timer = undefined;
    const now = performance.now();
    for (const [key, progress] of this.#keptBack) {
      this.#keptBack.delete(key);
      this.#toldAt.set(key, now);
      this.#onProgress(progress);
    }
  };
}

function keyOf({ layer, phase }: TransferProgress): string {
  return `${phase} ${layer}`;
}

/** Between the beginning and the end of a phase of a layer. */
function isMeasure({ layer, currentBytes, totalBytes, retry }: TransferProgress): boolean {
  if (layer === undefined || currentBytes === undefined || retry !== undefined) return false;
  return currentBytes !== totalBytes;
}
