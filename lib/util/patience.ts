/** Waiting between tries for what others hold: a moment at first, then longer. */
import { setTimeout as delay } from "node:timers/promises";

export class Patience {
  #pauseMs: number;
  readonly #longestMs: number;

  constructor({ firstMs = 1, longestMs = 32 }: { firstMs?: number; longestMs?: number } = {}) {
    this.#pauseMs = firstMs;
    this.#longestMs = longestMs;
  }

  /** Rejects with an `AbortError` when the signal is aborted. */
  async wait(signal?: AbortSignal): Promise<void> {
    // Random, so that processes waiting for one holder do not come back all at once.
    await delay(this.#pauseMs * (0.5 + Math.random()), undefined, signal ? { signal } : {});
    this.#pauseMs = Math.min(this.#pauseMs * 2, this.#longestMs);
  }
}
