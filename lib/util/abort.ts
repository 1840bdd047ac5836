/** Abort signals: whatever the reason given, what is thrown is an `AbortError`. */

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortError(signal);
}

/** The reason, a `TimeoutError` perhaps, becomes the error's `cause`. */
export function abortError(signal: AbortSignal): Error {
  const error = new Error("The operation was aborted", { cause: signal.reason });
  error.name = "AbortError";
  return error;
}
