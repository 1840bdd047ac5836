/** Who of several may work, some at a time, when they need what others of them make. */
import { abortError, onAbort, throwIfAborted } from "../util/abort.ts";

/** One of the turns; let go of once, when its work is done or has failed. */
export interface Turn extends Disposable {}

/**
 * Numbers from 0 on, of which each may need all below it. The lowest that is not done has always its
 * turn, so that those that wait for it do not wait for ever; else so many at a time, the lowest
 * first of those that ask.
 */
export class Turns {
  readonly #atOnce: number;
  readonly #left: Set<number>;
  readonly #waiting = new Map<number, () => void>();
  #running = 0;

  constructor(atOnce: number, count: number) {
    this.#atOnce = atOnce;
    this.#left = new Set(Array.from({ length: count }, (_, at) => at));
  }

  /** Each number once. */
  async take(at: number, signal: AbortSignal): Promise<Turn> {
    throwIfAborted(signal);
    await new Promise<void>((resolve, reject) => {
      const unhook = onAbort(signal, () => {
        this.#waiting.delete(at);
        reject(abortError(signal));
      });
      this.#waiting.set(at, () => {
        unhook();
        resolve();
      });
      this.#grant();
    });
    return { [Symbol.dispose]: () => this.#done(at) };
  }

  #done(at: number): void {
    this.#running--;
    this.#left.delete(at);
    this.#grant();
  }

  #grant(): void {
    // A set keeps the order of its numbers, and none ever comes back.
    const [lowest] = this.#left;
    for (const at of [...this.#waiting.keys()].sort((one, other) => one - other)) {
      if (this.#running >= this.#atOnce && at !== lowest) continue;
      this.#running++;
      const start = this.#waiting.get(at);
      this.#waiting.delete(at);
      start?.();
    }
  }
}
