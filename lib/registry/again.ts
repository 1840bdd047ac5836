/** Once more from the start, when a connection broke in the middle of an answer. */
import { setTimeout as delay } from "node:timers/promises";
import { isMarmitaError } from "../errors.ts";
import { throwIfAborted } from "../util/abort.ts";

/** Breaks one after another, without anything that came, until it is told. */
export const MOST_BREAKS = 5;

/** No try of a small answer begins later: where each is slow, five would take minutes. */
const LONGEST_TRYING_MS = 30_000;

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 3_000;

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

/** By the clock. */
export async function rest(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, signal ? { signal } : {});
}

export interface TryingOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onRetry?: OnRetry | undefined;
}

/** Whether to try again makes sense: no answer, half of one, or a server in trouble. */
export function isBreak(error: unknown): boolean {
  return isMarmitaError(error, "UNAVAILABLE");
}

/** Longer after each, and at random: those cut off together do not come back together. */
export async function restAfter(
  asker: Resting,
  { breaks, error }: { readonly breaks: number; readonly error: unknown },
  { signal, onRetry }: TryingOptions,
): Promise<void> {
  const longest = Math.min(FIRST_PAUSE_MS * 2 ** (breaks - 1), LONGEST_PAUSE_MS);
  const delayMs = Math.round(longest * (0.5 + Math.random()));
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
