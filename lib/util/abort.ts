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

/** Rejects as soon as the signal is aborted; what comes of the work then is nobody's. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  throwIfAborted(signal);
  let unhook: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    unhook = onAbort(signal, () => reject(abortError(signal)));
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    unhook?.();
  }
}

/** What waits for a signal to be aborted. */
const waiting = new WeakMap<AbortSignal, Waiting>();

interface Waiting {
  readonly actions: Set<() => void>;
  readonly listener: () => void;
}

/**
 * Calls `action` when the signal is aborted, unless the returned function was called before. As
 * many as share a signal, it gets one listener: of more than ten Node warns as of a leak.
 */
export function onAbort(signal: AbortSignal, action: () => void): () => void {
  const { actions, listener } = waiting.get(signal) ?? listen(signal);
  const own = () => action();
  actions.add(own);
  return () => {
    actions.delete(own);
    if (actions.size > 0 || waiting.get(signal)?.actions !== actions) return;
    signal.removeEventListener("abort", listener);
    waiting.delete(signal);
  };
}

function listen(signal: AbortSignal): Waiting {
  const actions = new Set<() => void>();
  const listener = () => {
    for (const action of actions) callOn(action);
  };
  const made = { actions, listener };
  signal.addEventListener("abort", listener, { once: true });
  waiting.set(signal, made);
  return made;
}

/** One that throws keeps none of the others back: as with listeners, nobody else can catch it. */
function callOn(action: () => void): void {
  try {
    action();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
