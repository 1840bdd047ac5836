/** Progress told to a callback of the caller's: what that throws ends the work. */
import { type OnProgress, paced } from "./progress.ts";

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
  const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const told = onProgress && paced(onProgress);
  let thrown: { readonly error: unknown } | undefined;
  const tell: OnProgress = (progress) => {
    if (thrown !== undefined) return;
    try {
      told?.(progress);
    } catch (error) {
      thrown = { error };
      stop.abort();
    }
  };
  const [done] = await Promise.allSettled([work(tell, either)]);
  if (thrown !== undefined) throw thrown.error;
  if (done.status === "rejected") throw done.reason;
  return done.value;
}
