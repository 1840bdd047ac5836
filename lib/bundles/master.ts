/** The master of a container's terminal, in this process: what is written is typed, what is shown read. */
import { closeSync, readSync, write } from "node:fs";
import { type Duplex, Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { ReadStream } from "node:tty";
import {
  openTerminalOf,
  receiveDescriptor,
  resizeTerminal,
  socketPair,
} from "../native/syscalls.ts";
import { joinTerminal } from "../runtime/terminal-stream.ts";
import { errnoOf } from "../util/system-error.ts";

/** The way of a master from whoever makes the terminal to us. */
export interface MasterChannel {
  /** The end that is to be given away; it is closed by `close()`, too. */
  readonly theirs: number;
  /** Once it was sent. Twice is an error. */
  receive(): TerminalMaster;
  close(): void;
}

export function openMasterChannel(): MasterChannel {
  const [ours, theirs] = socketPair();
  let isOpen = true;
  return {
    theirs,
    receive: () => new TerminalMaster(receiveDescriptor(ours)),
    close: () => {
      if (isOpen) for (const fd of [ours, theirs]) closeSync(fd);
      isOpen = false;
    },
  };
}

/**
 * Node takes a terminal that nobody has open for one at its end, and leaves what it has not read yet.
 * So it is open here, too, until `end()` has read the rest.
 */
export class TerminalMaster {
  /** It ends after `end()`. */
  readonly stream: Duplex;
  readonly #fd: number;
  readonly #slave: number;
  readonly #master: ReadStream;
  readonly #shown: Readable;
  #isClosed = false;

  /** The descriptor is its own from now on. */
  constructor(fd: number) {
    this.#fd = fd;
    this.#slave = openTerminalOf(fd);
    this.#master = new ReadStream(fd); // a master cannot be read as a pipe or a file is
    this.#shown = new Readable({ read: () => void this.#master.resume() });
    this.#master.on("data", (chunk: Buffer) => {
      if (!this.#shown.push(chunk)) this.#master.pause();
    });
    this.#master.on("error", () => undefined); // its end is told by end()
    this.stream = joinTerminal(this.#typed(), this.#shown);
    this.stream.once("close", () => this.end());
  }

  /** Of what has ended it is no matter. */
  resize(columns: number, rows: number): void {
    if (!this.#isClosed) resizeTerminal(this.#fd, columns, rows);
  }

  /** Its process has ended: what that has shown is all there is. Twice is fine. */
  end(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#master.removeAllListeners("data");
    for (const chunk of [...heldBy(this.#master), ...leftOn(this.#fd)]) this.#shown.push(chunk);
    this.#shown.push(null);
    this.#master.destroy();
    closeSync(this.#slave);
  }

  /** Resolves when whoever reads it has had all that was shown; at once where nobody does. */
  async shown(): Promise<void> {
    if (this.stream.readableFlowing === null) return;
    await finished(this.stream, { writable: false }).catch(() => undefined); // it was destroyed
  }

  /** Its end is typed, too, as somebody would. */
  #typed(): Writable {
    let lastByte = NEWLINE;
    return new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        lastByte = chunk.at(-1) ?? lastByte;
        this.#type(chunk, done);
      },
      // Within a line it ends that only.
      final: (done) => this.#type(lastByte === NEWLINE ? EOF : Buffer.concat([EOF, EOF]), done),
    });
  }

  /** It does not block, for whoever reads it: where there is no room it is tried again. */
  #type(bytes: Buffer, done: (error?: Error) => void): void {
    if (this.#isClosed) return done();
    write(this.#fd, bytes, (error, written) => {
      if (error !== null && errnoOf(error) !== "EAGAIN") return done(error);
      const rest = error === null ? bytes.subarray(written) : bytes;
      if (rest.length === 0) return done();
      setTimeout(() => this.#type(rest, done), AGAIN_MS);
    });
  }
}

const AGAIN_MS = 5;
const NEWLINE = 10;
/** VEOF, unless somebody has changed it: ^D. */
const EOF = Buffer.from("\x04");

/** What it has read, and nobody has had. */
function* heldBy(stream: ReadStream): Iterable<Buffer> {
  for (;;) {
    const chunk: unknown = stream.read();
    if (!Buffer.isBuffer(chunk)) return;
    yield chunk;
  }
}

/** It does not block. */
function* leftOn(fd: number): Iterable<Buffer> {
  for (let left = MAX_LEFT_BYTES; left > 0;) {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    let size = 0;
    try {
      size = readSync(fd, chunk);
    } catch {
      return; // EAGAIN: that was all
    }
    if (size === 0) return;
    left -= size;
    yield chunk.subarray(0, size);
  }
}

const CHUNK_BYTES = 4_096;

/** A terminal holds less: whoever goes on writing to it is not waited for. */
const MAX_LEFT_BYTES = 1 << 20;
