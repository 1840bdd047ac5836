/** Progress told to a callback of the caller's: what that throws ends the work. */
import { onAbort } from "../util/abort.ts";
import { type OnProgress, Pace } from "./progress.ts";

export interface TellingOptions {
  readonly onProgress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * `work` may call `tell` from anywhere: it never throws. When the callback does, the signal that
 * `work` was given is aborted, and this rejects with what was thrown.
 */
export async function telling<T>(
  { onProgress, signal }: TellingOptions,
  work: (tell: OnProgress, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  if (signal?.aborted === true) stop.abort(signal.reason);
  const unhook = signal && onAbort(signal, () => stop.abort(signal.reason));
  let thrown: { readonly error: unknown } | undefined;
  using pace = new Pace((progress) => {
    if (thrown !== undefined) return;
    try {
      onProgress?.(progress);
    } catch (error) {
      thrown = { error };
      stop.abort();
    }
  });
  const { tell } = pace;
  const [done] = await Promise.allSettled([work(tell, stop.signal)]);
  unhook?.();
  if (thrown !== undefined) throw thrown.error;
  if (done.status === "rejected") throw done.reason;
  return done.value;
}
