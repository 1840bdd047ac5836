/** Once more from the start, when a connection broke in the middle of an answer. */
import { isMarmitaError } from "../errors.ts";
import { throwIfAborted } from "../util/abort.ts";
import { backoffMs } from "../util/backoff.ts";

/** Breaks one after another, without anything that came, until it is told. */
export const MOST_BREAKS = 5;

/** No try of a small answer begins later: where each is slow, five would take minutes. */
const LONGEST_TRYING_MS = 30_000;

const BACKOFF = { firstMs: 200, longestMs: 5_000 };

/** One more try, about to be made. */
export interface Retry {
  /** 2: the second. */
  readonly attempt: number;
  readonly delayMs: number;
  /** Without secrets. */
  readonly reason: string;
}

export type OnRetry = (retry: Retry) => void;

/** Of whoever asks: waits; rejects when the signal is aborted. */
export interface Resting {
  rest(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

export interface TryingOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onRetry?: OnRetry | undefined;
}

/** Whether to try again makes sense: no answer, half of one, or a server in trouble. */
export function isBreak(error: unknown): boolean {
  return isMarmitaError(error, "UNAVAILABLE");
}

/** Tells of the next try, and waits for it. */
export async function restAfter(
  asker: Resting,
  { breaks, error }: { readonly breaks: number; readonly error: unknown },
  { signal, onRetry }: TryingOptions,
): Promise<void> {
  const delayMs = backoffMs(breaks, BACKOFF);
  const reason = error instanceof Error ? error.message : "it broke off";
  onRetry?.({ attempt: breaks + 1, delayMs, reason });
  await asker.rest(delayMs, signal);
}

/** Half of an answer. Where there was none, the transport has tried often enough. */
function isCut(error: unknown): boolean {
  return isMarmitaError(error, "UNAVAILABLE") && error.step === "body";
}

/** Small answers only. What fails otherwise than in the middle of one fails at once. */
export async function again<T>(
  asker: Resting,
  work: () => Promise<T>,
  options: TryingOptions & { /** In milliseconds. */ readonly now?: () => number },
): Promise<T> {
  const { now = () => performance.now(), signal } = options;
  const giveUpAt = now() + LONGEST_TRYING_MS;
  for (let breaks = 1; ; breaks++) {
    try {
      return await work();
    } catch (error) {
      throwIfAborted(signal);
      if (!isCut(error) || breaks === MOST_BREAKS || now() >= giveUpAt) throw error;
      await restAfter(asker, { breaks, error }, options);
    }
  }
}
