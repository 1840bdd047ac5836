/** Async iterables that wait for what happens, and can be left while they do. */

/**
 * As `read`, whose signal is aborted with `outer`, or when the iterator is left: a generator alone
 * would first wait for what it waits for.
 */
export function leavable<T>(
  read: (signal: AbortSignal) => AsyncGenerator<T>,
  outer: AbortSignal | undefined,
): AsyncIterableIterator<T> {
  const left = new AbortController();
  const all = outer === undefined ? left.signal : AbortSignal.any([outer, left.signal]);
  const items = read(all);
  const orDone = async (
    next: Promise<IteratorResult<T, unknown>>,
  ): Promise<IteratorResult<T, undefined>> => {
    try {
      const result = await next;
      return result.done === true ? { done: true, value: undefined } : result;
    } catch (error) {
      if (left.signal.aborted) return { done: true, value: undefined };
      throw error;
    }
  };
  return {
    next: () => orDone(items.next()),
    return: () => {
      left.abort();
      return orDone(items.return(undefined));
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
