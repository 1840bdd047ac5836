/**
 * Blobs on their way from a registry. Each is downloaded once, however many pulls, in however many
 * processes, want it: `<hex>.part` is locked by who writes it, and the others wait for that and no
 * longer. It is whole, right and on the disk when it loses its `.part`; whoever waited links it
 * then. What was broken off stays, unless not a byte came, and the next one goes on from there.
 *
 * A download needs no other lock, and comes to its end by itself: one may wait for it with others
 * held.
 */
import { closeSync, constants } from "node:fs";
import { link, mkdir, open, readFile, rename, rm, writeFile } from "node:fs/promises";

import { isMarmitaError } from "../errors.ts";
import { tryLock } from "../native/syscalls.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, digestOf, hexOf } from "../oci/digest.ts";
import type { FileBlobStore } from "../store/blobs.ts";
import type { Paths } from "../store/paths.ts";
import { storeError } from "../store/store-error.ts";
import { throwIfAborted } from "../util/abort.ts";
import { isThere } from "../util/is-there.ts";
import { Patience } from "../util/patience.ts";
import { errnoOf, isMissing } from "../util/system-error.ts";
import { type BlobSource, type Transfer, receive } from "./receive.ts";
import { removeUnused, sizeOf } from "./unused-download.ts";

export interface DownloadOptions {
  /** Where the whole blob is to be linked to, on the file system of the store. */
  readonly target: string;
  /** How much of it is there, and in which file, by whomever it is downloaded. */
  readonly onGrown?: ((file: string, bytes: number) => void) | undefined;
  /** Before a new try, after a break. */
  readonly onRetry?: Transfer["onRetry"];
  readonly onVerify?: (() => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** For tests. */
  readonly pause?: Transfer["pause"];
}

/** `exists`: it was in the store. */
export type Fetched = "exists" | "downloaded";

const OVERWRITE = constants.O_WRONLY | constants.O_TRUNC | constants.O_NOFOLLOW;

/** While another one downloads it. */
const LONGEST_PAUSE_MS = 20;
/** For others to take the directory away each time. */
const MOST_TRIES = 100;

export class Downloads {
  readonly #paths: Paths;
  readonly #blobs: FileBlobStore;

  constructor({ paths, blobs }: { readonly paths: Paths; readonly blobs: FileBlobStore }) {
    this.#paths = paths;
    this.#blobs = blobs;
  }

  /**
   * Have the whole blob at `target`. Throws `CORRUPT` when the registry has another one under that
   * name or size.
   */
  async fetch(
    source: BlobSource,
    descriptor: Descriptor,
    options: DownloadOptions,
  ): Promise<Fetched> {
    const { signal, target, onGrown } = options;
    const { whole, part } = this.#files(descriptor.digest);
    const patience = new Patience({ longestMs: LONGEST_PAUSE_MS });
    for (;;) {
      throwIfAborted(signal);
      if (await this.#linkStored(descriptor, target)) return "exists";
      if (await linkIfThere(whole, target)) return "downloaded";
      const held = await this.#tryPart(part);
      if (held === undefined) {
        const size = await sizeOf(part);
        // One without a byte may be taken away yet.
        if (size !== undefined && size > 0) onGrown?.(part, size);
        await patience.wait(signal);
        continue;
      }
      try {
        // Whoever held it may have come to the end since we looked.
        if ((await isThere(whole)) || (await this.#isStored(descriptor))) {
          await rm(part, { force: true });
          continue;
        }
        await this.#download(source, descriptor, options);
        // Ours before others see it: who is through with it takes it away.
        await link(part, target);
        await rename(part, whole);
        return "downloaded";
      } finally {
        closeSync(held);
      }
    }
  }

  /**
   * A small blob. `get` asks a registry for it, and checks it; whoever else wants it meanwhile does
   * not ask again.
   */
  async read(
    descriptor: Descriptor,
    get: () => Promise<Uint8Array>,
    options: { readonly limitBytes: number; readonly signal?: AbortSignal | undefined },
  ): Promise<Uint8Array> {
    const { limitBytes, signal } = options;
    if (descriptor.size > limitBytes) return get(); // which says that it is too large
    const { whole, part } = this.#files(descriptor.digest);
    const find = async () =>
      (await readVerified(this.#blobs.path(descriptor.digest), descriptor)) ??
      (await readVerified(whole, descriptor));
    const patience = new Patience({ longestMs: LONGEST_PAUSE_MS });
    for (;;) {
      throwIfAborted(signal);
      const here = await find();
      if (here !== undefined) return here;
      const held = await this.#tryPart(part);
      if (held === undefined) {
        await patience.wait(signal);
        continue;
      }
      try {
        // Whoever held it may have come to the end since we looked.
        const found = await find();
        if (found !== undefined) {
          await rm(part, { force: true });
          return found;
        }
        const bytes = await get();
        await writeFile(part, bytes, { flag: OVERWRITE });
        await rename(part, whole);
        return bytes;
      } catch (error) {
        await rm(part, { force: true });
        throw storeError(error, `download blob ${descriptor.digest}`);
      } finally {
        closeSync(held);
      }
    }
  }

  /** What was downloaded is in the store now. Absent is fine. */
  async forget(digests: readonly Digest[]): Promise<void> {
    for (const digest of digests) await rm(this.#files(digest).whole, { force: true });
  }

  /** The same for what is of no use, with what was broken off and nobody goes on with. */
  async discard(digests: readonly Digest[]): Promise<void> {
    await this.forget(digests);
    for (const digest of digests) await removeUnused(this.#files(digest).part);
  }

  #files(digest: Digest): { readonly whole: string; readonly part: string } {
    const whole = `${this.#paths.downloads}/${hexOf(digest)}`;
    return { whole, part: `${whole}.part` };
  }

  async #linkStored(descriptor: Descriptor, target: string): Promise<boolean> {
    if (!(await this.#isStored(descriptor))) return false;
    return linkIfThere(this.#blobs.path(descriptor.digest), target);
  }

  /** One that was cut short is stored anew. */
  async #isStored({ digest, size }: Descriptor): Promise<boolean> {
    return (await sizeOf(this.#blobs.path(digest))) === size;
  }

  /** Locked; `undefined` when another one has it. */
  async #tryPart(part: string): Promise<number | undefined> {
    for (let tries = 1; ; tries++) {
      try {
        return tryLock(part, "exclusive");
      } catch (error) {
        // Who prunes takes the directory away with the last file in it.
        if (!isMissing(error) || tries === MOST_TRIES) throw error;
      }
      try {
        await mkdir(this.#paths.downloads, { recursive: true, mode: 0o700 });
      } catch (error) {
        if (!isMissing(error)) throw error; // it was there, and is taken away just now
      }
    }
  }

  /** The caller holds the lock of the part. */
  async #download(
    source: BlobSource,
    descriptor: Descriptor,
    { onGrown, onRetry, onVerify, pause, signal }: DownloadOptions,
  ): Promise<void> {
    const { part } = this.#files(descriptor.digest);
    try {
      const file = await open(part, constants.O_RDWR | constants.O_NOFOLLOW);
      try {
        const grown = (bytes: number) => onGrown?.(part, bytes);
        await receive(source, descriptor, { file, onGrown: grown, onRetry, pause, signal });
        onVerify?.();
        await file.sync();
      } finally {
        await file.close();
      }
    } catch (error) {
      if (isUseless(error) || (await sizeOf(part)) === 0) await rm(part, { force: true });
      throw storeError(error, `download blob ${descriptor.digest}`);
    }
  }
}

/** Whether what was received is of no use, or in the way. */
export function isUseless(error: unknown): boolean {
  const errno = errnoOf(error);
  return isMarmitaError(error, "CORRUPT") || errno === "ENOSPC" || errno === "EDQUOT";
}

/** `undefined` when it is not there, or something else: a machine that lost power, perhaps. */
async function readVerified(
  path: string,
  { digest, size }: Descriptor,
): Promise<Uint8Array | undefined> {
  if ((await sizeOf(path)) !== size) return undefined;
  const bytes = await readFile(path).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  return bytes !== undefined && digestOf(bytes) === digest ? bytes : undefined;
}

async function linkIfThere(path: string, target: string): Promise<boolean> {
  try {
    await link(path, target);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
