/** Where `save` and `export` write: to a file, or to stdout unless that is a terminal. */
import { constants } from "node:os";
import { isatty } from "node:tty";
import { MarmitaError, isMarmitaError } from "../errors.ts";
import { OutputUnread } from "./output.ts";

/** Those that end a program and can be caught. */
const ENDING = ["SIGHUP", "SIGINT", "SIGTERM"] as const;

export type Target = string | { readonly fd: number };

/**
 * Resolves to the exit code: 128 and its number for a signal, which leaves no half file behind.
 * Throws `INVALID_ARGUMENT` before `work` begins when the bytes would go to a terminal.
 */
export async function toOutput(
  output: string | undefined,
  work: (target: Target, signal: AbortSignal) => Promise<unknown>,
): Promise<number> {
  if (output === undefined && isatty(1)) {
    throw new MarmitaError(
      "INVALID_ARGUMENT",
      "cowardly refusing to save to a terminal. Use the -o flag or redirect",
    );
  }
  using interrupted = new Interruption();
  try {
    await work(output ?? { fd: 1 }, interrupted.signal);
    return 0;
  } catch (error) {
    if (interrupted.exitCode !== undefined) return interrupted.exitCode;
    const isUnread = output === undefined && isMarmitaError(error) && error.errno === "EPIPE";
    throw isUnread ? new OutputUnread() : error;
  }
}

/** The first signal to end, as an abort signal; from then on they have their usual effect. */
class Interruption implements Disposable {
  readonly #abort = new AbortController();
  #by: (typeof ENDING)[number] | undefined;

  constructor() {
    for (const name of ENDING) process.once(name, this.#end);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get exitCode(): number | undefined {
    return this.#by === undefined ? undefined : 128 + constants.signals[this.#by];
  }

  readonly #end = (by: NodeJS.Signals): void => {
    this.#by = ENDING.find((name) => name === by);
    this[Symbol.dispose]();
    this.#abort.abort();
  };

  [Symbol.dispose](): void {
    for (const name of ENDING) process.off(name, this.#end);
  }
}
