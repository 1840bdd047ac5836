/** So many at a time; whoever comes when all places are taken waits for one, in turn. */
import { abortError, onAbort, throwIfAborted } from "./abort.ts";

/** Left when it is disposed of; twice is fine. */
export interface Place extends Disposable {}

export class Places {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** `undefined` when all are taken. */
  tryTake(): Place | undefined {
    if (this.#free === 0) return undefined;
    this.#free--;
    return this.#taken();
  }

  async take(signal: AbortSignal): Promise<Place> {
    throwIfAborted(signal);
    const free = this.tryTake();
    if (free !== undefined) return free;
    return new Promise((resolve, reject) => {
      const unhook = onAbort(signal, () => {
        this.#waiting.delete(enter);
        reject(abortError(signal));
      });
      const enter = () => {
        unhook();
        resolve(this.#taken());
      };
      this.#waiting.add(enter);
    });
  }

  #taken(): Place {
    let isLeft = false;
    return {
      [Symbol.dispose]: () => {
        if (isLeft) return;
        isLeft = true;
        this.#leave();
      },
    };
  }

  /** To the next, or free. */
  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free++;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
