/** Work that a signal ends in order: what was begun is put away first. */
import { constants } from "node:os";

/** Those that end a program and can be caught. */
const ENDING = ["SIGHUP", "SIGINT", "SIGTERM"] as const;

/** Resolves to the exit code: 0, or for a signal, which aborts the work, 128 and its number. */
export async function interruptible(
  work: (signal: AbortSignal) => Promise<unknown>,
): Promise<number> {
  using interrupted = new Interruption();
  try {
    await work(interrupted.signal);
    return 0;
  } catch (error) {
    if (interrupted.exitCode !== undefined) return interrupted.exitCode;
    throw error;
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
