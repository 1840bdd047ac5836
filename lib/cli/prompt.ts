/** Questions that a person answers on the terminal, where asked for without an echo. */
import { type Interface, createInterface } from "node:readline";
import { Writable } from "node:stream";
import { MarmitaError } from "../errors.ts";
import { unlessAborted } from "../util/abort.ts";
import { print } from "./output.ts";

export interface Question {
  readonly prompt: string;
  /** What is typed is not shown. */
  readonly isSecret?: boolean;
}

/** One for all questions: what is typed ahead is the answer to the next. */
export class Prompter implements Disposable {
  readonly #signal: AbortSignal;
  readonly #lines: AsyncIterator<string, undefined>;
  readonly #interface: Interface;
  #isSecret = true;

  /** stdin is a terminal. ^C is a signal as ever; `signal` ends the waiting. */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
    const output = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        if (!this.#isSecret) print(chunk.toString());
        done();
      },
    });
    // A terminal: it turns the echo off, and shows by itself what is to be seen.
    const options = { input: process.stdin, output, terminal: true, historySize: 0 };
    this.#interface = createInterface(options);
    this.#interface.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
    this.#lines = this.#interface[Symbol.asyncIterator]();
  }

  /** What was typed, without the end of the line. Throws at the end of input, and when aborted. */
  async ask({ prompt, isSecret = false }: Question): Promise<string> {
    print(prompt);
    this.#isSecret = isSecret;
    try {
      const answer = await unlessAborted(this.#lines.next(), this.#signal);
      if (answer.done === true) throw new MarmitaError("INVALID_ARGUMENT", "nothing was typed");
      return answer.value;
    } finally {
      if (isSecret) print("\n");
      this.#isSecret = true;
    }
  }

  [Symbol.dispose](): void {
    this.#interface.close();
    process.stdin.destroy();
  }
}
