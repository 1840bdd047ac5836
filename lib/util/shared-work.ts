/** Work that several callers want at the same time, done once. */
import { throwIfAborted, unlessAborted } from "./abort.ts";

interface Going<T> {
  readonly result: Promise<T>;
  readonly abort: AbortController;
  waiting: number;
}

/** A failure is everybody's who waits; the next to ask begins anew. */
export class SharedWork<T> {
  readonly #going = new Map<string, Going<T>>();

  /**
   * What `work` resolves to, unless it goes on already for somebody with the same key. Whoever is
   * aborted leaves the others to it; with the last of them the work's own signal is aborted.
   */
  async do(
    key: string,
    work: (signal: AbortSignal) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    throwIfAborted(signal);
    const going = this.#going.get(key) ?? this.#begin(key, work);
    going.waiting++;
    try {
      return await (signal === undefined ? going.result : unlessAborted(going.result, signal));
    } finally {
      going.waiting--;
      if (going.waiting === 0) this.#end(key, going);
    }
  }

  #begin(key: string, work: (signal: AbortSignal) => Promise<T>): Going<T> {
    const abort = new AbortController();
    const result = work(abort.signal);
    const going: Going<T> = { result, abort, waiting: 0 };
    this.#going.set(key, going);
    // Ended for everybody, also for who asks before those that waited have gone on.
    const end = () => this.#forget(key, going);
    result.then(end, end);
    return going;
  }

  #end(key: string, going: Going<T>): void {
    this.#forget(key, going);
    going.abort.abort();
  }

  #forget(key: string, going: Going<T>): void {
    if (this.#going.get(key) === going) this.#going.delete(key);
  }
}
