/** What callers get when something fails: a MarmitaError, or an AbortError when they asked for it. */
import { storeError } from "../store/store-error.ts";
import { abortError } from "../util/abort.ts";

/** Rejects like `work`, with system errors explained and what an abort caused as that abort. */
export async function explained<T>(
  doing: string,
  work: Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw explain(error, doing, signal);
  }
}

/** The same for an error. */
export function explain(error: unknown, doing: string, signal?: AbortSignal): unknown {
  return signal?.aborted === true ? abortError(signal) : storeError(error, doing);
}
