/** The terminal of a container as one stream: what is written is typed, what is shown is read. */
import { closeSync } from "node:fs";
import { Socket } from "node:net";
import { Duplex, type Readable, Writable } from "node:stream";
import { pipe, socketPair } from "../native/syscalls.ts";

/** What a keeper is given, and our ends of it. The descriptors are the caller's to close. */
export interface TerminalEnds {
  /** Where the keeper finds what is typed. */
  readonly input: number;
  /** Where it leaves what is shown. */
  readonly output: number;
  readonly stream: Duplex;
}

export function openTerminal(): TerminalEnds {
  const { read: input, write: typed } = pipe();
  try {
    // A socket, not a pipe: it has room for what is left when the container ends (terminal.c).
    const [shown, output] = socketPair();
    return {
      input,
      output,
      stream: new TerminalStream(
        new Socket({ fd: typed, readable: false, writable: true }),
        new Socket({ fd: shown, readable: true, writable: false }),
      ),
    };
  } catch (error) {
    closeSync(input);
    closeSync(typed);
    throw error;
  }
}

/** The same of two streams that are there already. Without `typed`, what is typed goes nowhere. */
export function joinTerminal(typed: Writable | undefined, shown: Readable): Duplex {
  return new TerminalStream(typed ?? new Writable({ write: (_chunk, _, done) => done() }), shown);
}

/**
 * Two streams below: whoever types after the end must not lose what was shown before it, as a
 * failed write on one socket for both would have it. So what is typed then goes nowhere, and no
 * write fails. The stream ends, both ways, when all that was shown is read.
 */
class TerminalStream extends Duplex {
  readonly #typed: Writable;
  readonly #shown: Readable;

  constructor(typed: Writable, shown: Readable) {
    super({ allowHalfOpen: false });
    this.#typed = typed;
    this.#shown = shown;
    typed.on("error", () => undefined); // nobody reads it any more: each write is told so, too
    shown.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) shown.pause();
    });
    const end = (): void => {
      typed.destroy(); // it is of no use to anybody, whether or not what was shown is read
      this.push(null);
    };
    shown.on("end", end);
    shown.on("error", end); // a reset is an end like others
  }

  override _read(): void {
    this.#shown.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#typed.writable) this.#typed.write(chunk, () => done());
    else setImmediate(done); // who types without end must not keep the event loop from the rest
  }

  override _final(done: () => void): void {
    if (this.#typed.writable) this.#typed.end(() => done());
    else done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#typed.destroy();
    this.#shown.destroy();
    done(error);
  }
}
