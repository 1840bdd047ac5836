/** Work on many things, so many of them at once. */
import { throwIfAborted } from "./abort.ts";

export interface InParallelOptions {
  readonly atOnce: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Calls `work` for each item, in their order, and resolves when all of it has ended. The first
 * failure aborts what else goes on, begins nothing more, and is what this rejects with.
 */
export async function inParallel<T>(
  items: Iterable<T>,
  { atOnce, signal }: InParallelOptions,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  throwIfAborted(signal);
  const stop = new AbortController();
  const all = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const left = [...items].values();
  let failure: { readonly error: unknown } | undefined;
  const workOff = async (): Promise<void> => {
    for (const item of left) {
      if (all.aborted) return;
      try {
        await work(item, all);
      } catch (error) {
        failure ??= { error };
        stop.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, workOff));
  if (failure !== undefined) throw failure.error;
  throwIfAborted(signal);
}
