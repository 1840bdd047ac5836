/** What has arrived of a blob: its digest so far, and the file it is in. */
import { type Hash, createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";

import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { throwIfAborted } from "../util/abort.ts";

export interface ReceivedOptions {
  /** Open for reading and writing; it may have the first bytes of the blob. */
  readonly file: FileHandle;
  /** How many bytes are in the file; fewer than before when it is begun anew. */
  readonly onGrown?: ((bytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

const READ_BYTES = 1024 * 1024;
/** Written together: each call into Node's pool of threads costs as much as a copy of that. */
const WRITE_BYTES = 256 * 1024;
/** What comes slowly is written as it comes. */
const LONGEST_WAIT_MS = 50;

export class Received {
  readonly descriptor: Descriptor;
  /** Where the last answer began. */
  startedAt = 0;
  readonly #options: ReceivedOptions;
  #hash: Hash = createHash("sha256");
  #bytes = 0;
  /** Not yet written, and how much that is. */
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #writtenAt = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(descriptor: Descriptor, options: ReceivedOptions) {
    this.descriptor = descriptor;
    this.#options = options;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isShort(): boolean {
    return this.#bytes < this.descriptor.size;
  }

  /** Of all that is there; nothing can be added then. */
  digest(): Digest {
    return `sha256:${this.#hash.digest("hex")}`;
  }

  /** From what somebody left in the file. */
  async resume(): Promise<void> {
    const { file, signal, onGrown } = this.#options;
    const { size } = await file.stat();
    if (size > this.descriptor.size) return this.restart();
    const buffer = Buffer.allocUnsafe(Math.min(size, READ_BYTES));
    while (this.#bytes < size) {
      throwIfAborted(signal);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, this.#bytes);
      if (bytesRead === 0) break;
      this.#hash.update(buffer.subarray(0, bytesRead));
      this.#bytes += bytesRead;
    }
    onGrown?.(this.#bytes);
  }

  async restart(): Promise<void> {
    await this.flush();
    await this.#options.file.truncate(0);
    this.#hash = createHash("sha256");
    this.#bytes = 0;
    this.startedAt = 0;
    this.#options.onGrown?.(0);
  }

  /**
   * Not all of it is in the file before `flush()`. What is more than was promised is left out: then
   * the digest tells what it is.
   */
  async append(chunk: Uint8Array): Promise<void> {
    const wanted = chunk.subarray(0, this.descriptor.size - this.#bytes);
    this.#hash.update(wanted);
    this.#bytes += wanted.length;
    this.#pending.push(wanted);
    this.#pendingBytes += wanted.length;
    const isDue = performance.now() - this.#writtenAt >= LONGEST_WAIT_MS;
    if (isDue || this.#pendingBytes >= WRITE_BYTES) await this.#write();
  }

  /** Rejects when any of it could not be written. */
  async flush(): Promise<void> {
    await this.#write();
    await this.#writing;
  }

  /** One after the other: who brings more waits for the one before, and no longer. */
  async #write(): Promise<void> {
    await this.#writing;
    if (this.#pendingBytes === 0) return;
    const chunks = this.#pending;
    const at = this.#bytes - this.#pendingBytes;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#writtenAt = performance.now();
    this.#writing = this.#writeAll(chunks, at);
    this.#writing.catch(() => undefined); // whoever waits for it is told
  }

  async #writeAll(chunks: Uint8Array[], at: number): Promise<void> {
    const { file, onGrown } = this.#options;
    const size = chunks.reduce((sum, { length }) => sum + length, 0);
    let { bytesWritten } = await file.writev(chunks, at);
    // A disk that is about to be full takes a part; the next call says so.
    const all = bytesWritten < size ? Buffer.concat(chunks) : undefined;
    while (all !== undefined && bytesWritten < size) {
      const left = size - bytesWritten;
      bytesWritten += (await file.write(all, bytesWritten, left, at + bytesWritten)).bytesWritten;
    }
    onGrown?.(at + size);
  }
}
