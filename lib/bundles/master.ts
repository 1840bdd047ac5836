/** The master of a container's terminal, in this process: what is written is typed, what is shown read. */
import { closeSync, write } from "node:fs";
import { type Duplex, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { ReadStream } from "node:tty";
import { receiveDescriptor, resizeTerminal, socketPair } from "../native/syscalls.ts";
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

export class TerminalMaster {
  /** It ends when nothing has the terminal open any more. */
  readonly stream: Duplex;
  readonly #fd: number;
  #isClosed = false;

  /** The descriptor is its own from now on. */
  constructor(fd: number) {
    this.#fd = fd;
    const shown = new ReadStream(fd); // a master cannot be read as a pipe or a file is
    shown.once("close", () => (this.#isClosed = true));
    this.stream = joinTerminal(this.#typed(), shown);
  }

  /** Of what has ended it is no matter. */
  resize(columns: number, rows: number): void {
    if (!this.#isClosed) resizeTerminal(this.#fd, columns, rows);
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
