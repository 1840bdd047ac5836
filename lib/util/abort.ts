/** Abort signals: whatever the reason given, what is thrown is an `AbortError`. */

/** The reason, a `TimeoutError` perhaps, becomes the error's `cause`. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  const error = new Error("The operation was aborted", { cause: signal.reason });
  error.name = "AbortError";
  throw error;
}
