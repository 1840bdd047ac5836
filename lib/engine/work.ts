/** Work of one engine that has begun, and must come to its end before the engine does. */
import { MarmitaError } from "../errors.ts";

export class Work {
  readonly #begun = new Set<Promise<unknown>>();
  #isClosed = false;

  /** Throws `CLOSED` after `close()`. What begins within other work must not come here. */
  async begin<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw closed();
    const begun = work();
    this.#begun.add(begun);
    try {
      return await begun;
    } finally {
      this.#begun.delete(begun);
    }
  }

  /** From now on nothing begins; resolves when what has begun has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#begun);
  }
}

export function closed(): MarmitaError {
  return new MarmitaError("CLOSED", "this engine is closed");
}
