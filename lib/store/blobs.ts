/** Immutable bytes, named by their SHA-256. */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { MarmitaError } from "../errors.ts";
import { type Digest, digestOf, hexOf } from "../oci/digest.ts";
import { Disposer } from "../util/disposer.ts";
import { isMissing } from "../util/system-error.ts";
import { draftPath, syncDirectory, syncFile } from "./atomic.ts";

export interface BlobInfo {
  readonly digest: Digest;
  readonly size: number;
}

export interface WriteOptions {
  readonly expected?: Digest;
  readonly signal?: AbortSignal;
}

/** A blob is either wholly there or absent. */
export interface BlobStore {
  /**
   * Store `source` and return its name. Storing the same bytes twice is fine.
   * With `expected`, throws `CORRUPT` (and stores nothing) when the bytes differ.
   */
  write(source: Readable, options?: WriteOptions): Promise<BlobInfo>;
  /** A stream the caller destroys. Throws `NOT_FOUND`. */
  open(digest: Digest): Promise<Readable>;
  /**
   * The bytes of a small blob, checked against their name: other tools may write to the same
   * layout. Throws `NOT_FOUND`, and `CORRUPT` for other bytes or more than `limitBytes` of them.
   */
  read(digest: Digest, limitBytes: number): Promise<Buffer>;
  has(digest: Digest): Promise<boolean>;
  /** Throws `NOT_FOUND`. */
  size(digest: Digest): Promise<number>;
  /** Deleting an absent blob is fine. */
  delete(digest: Digest): Promise<void>;
}

/** A file that is to become a blob. */
export interface DraftBlob {
  readonly draft: string;
  readonly digest: Digest;
}

const SYNCS_AT_ONCE = 16;

/** Blobs as files: `<root>/sha256/<hex>`, the OCI image layout. */
export class FileBlobStore implements BlobStore {
  readonly #root: string;
  readonly #synced = new WeakSet<DraftBlob>();

  constructor(root: string) {
    this.#root = root;
  }

  /** Where the blob is or would be. */
  path(digest: Digest): string {
    return join(this.#root, "sha256", hexOf(digest));
  }

  async write(source: Readable, options: WriteOptions = {}): Promise<BlobInfo> {
    const { expected, signal } = options;
    await mkdir(join(this.#root, "sha256"), { recursive: true, mode: 0o700 });
    const draft = draftPath(this.#root);
    await using undo = new Disposer();
    undo.defer(() => rm(draft, { force: true }));

    const hash = createHash("sha256");
    let size = 0;
    await pipeline(
      source,
      async function* (chunks: AsyncIterable<Uint8Array | string>) {
        for await (const chunk of chunks) {
          const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
          hash.update(bytes);
          size += bytes.length;
          yield bytes;
        }
      },
      createWriteStream(draft, { flags: "wx" }),
      ...(signal ? [{ signal }] : []),
    );

    const digest: Digest = `sha256:${hash.digest("hex")}`;
    if (expected !== undefined && expected !== digest) throw mismatch(expected, digest);
    await this.adopt({ draft, digest });
    return { digest, size };
  }

  /**
   * Make each file at `draft`, already known to hash to `digest`, the blob of that name. It must
   * lie on the same file system. The drafts are gone afterwards; a blob already there is replaced
   * by the same bytes.
   */
  async adopt(...blobs: readonly DraftBlob[]): Promise<void> {
    const directory = join(this.#root, "sha256");
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await this.sync(...blobs.filter((blob) => !this.#synced.has(blob)));
    for (const { draft, digest } of blobs) await rename(draft, this.path(digest));
    await syncDirectory(directory);
  }

  /** What `adopt()` would wait for, ahead of it and beside other work. */
  async sync(...blobs: readonly DraftBlob[]): Promise<void> {
    // A few at once: the file system writes them out together.
    for (let at = 0; at < blobs.length; at += SYNCS_AT_ONCE) {
      const some = blobs.slice(at, at + SYNCS_AT_ONCE);
      await Promise.all(some.map(({ draft }) => syncFile(draft)));
      for (const blob of some) this.#synced.add(blob);
    }
  }

  /** Store bytes that are in memory anyway: a manifest, a config. */
  async writeBytes(bytes: Uint8Array): Promise<BlobInfo> {
    await using draft = await this.draftOf(bytes);
    await this.adopt(draft);
    return { digest: draft.digest, size: bytes.length };
  }

  /** The same as a draft to be adopted, together with others; gone when it is disposed of. */
  async draftOf(bytes: Uint8Array): Promise<DraftBlob & AsyncDisposable> {
    await mkdir(join(this.#root, "sha256"), { recursive: true, mode: 0o700 });
    const draft = draftPath(this.#root);
    const remove = () => rm(draft, { force: true });
    try {
      await writeFile(draft, bytes, { flag: "wx" });
    } catch (error) {
      await remove();
      throw error;
    }
    return { draft, digest: digestOf(bytes), [Symbol.asyncDispose]: remove };
  }

  async open(digest: Digest): Promise<Readable> {
    const file = await this.#found(digest, open(this.path(digest), "r"));
    return createReadStream("", { fd: file });
  }

  async read(digest: Digest, limitBytes: number): Promise<Buffer> {
    const size = await this.size(digest);
    if (size > limitBytes) {
      throw new MarmitaError("CORRUPT", `blob ${digest} is larger than ${limitBytes} bytes`, {
        details: { digest, size, limitBytes },
      });
    }
    const bytes = await this.#found(digest, readFile(this.path(digest)));
    const actual = digestOf(bytes);
    if (actual !== digest) throw mismatch(digest, actual);
    return bytes;
  }

  async has(digest: Digest): Promise<boolean> {
    try {
      return (await stat(this.path(digest))).isFile();
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  async size(digest: Digest): Promise<number> {
    return (await this.#found(digest, stat(this.path(digest)))).size;
  }

  async delete(digest: Digest): Promise<void> {
    await rm(this.path(digest), { force: true });
  }

  async #found<T>(digest: Digest, call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (cause) {
      if (!isMissing(cause)) throw cause;
      throw new MarmitaError("NOT_FOUND", `no such blob: ${digest}`, {
        cause,
        details: { digest },
      });
    }
  }
}

function mismatch(expected: Digest, actual: Digest): MarmitaError {
  return new MarmitaError("CORRUPT", `blob ${expected} holds bytes of ${actual}`, {
    details: { expected, actual },
  });
}
