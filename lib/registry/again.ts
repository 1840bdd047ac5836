/** Once more from the start, when a connection broke in the middle of an answer. */
import { setTimeout as delay } from "node:timers/promises";
import { isMarmitaError } from "../errors.ts";
import { throwIfAborted } from "../util/abort.ts";

/** Breaks one after another, without anything that came, until it is told. */
export const MOST_BREAKS = 5;

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 3_000;

/** Of whoever asks: how long to wait after so many breaks. Rejects when the signal is aborted. */
export interface Resting {
  rest(breaks: number, signal?: AbortSignal): Promise<void>;
}

/** Whether to try again makes sense: no answer, half of one, or a server in trouble. */
export function isBreak(error: unknown): boolean {
  return isMarmitaError(error, "UNAVAILABLE");
}

/** Longer after each, and at random: those cut off together do not come back together. */
export async function restAfter(
  breaks: number,
  signal: AbortSignal | undefined,
  sleep = sleepFor,
): Promise<void> {
  const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (breaks - 1), LONGEST_PAUSE_MS);
  await sleep(pauseMs * (0.5 + Math.random()), signal);
}

async function sleepFor(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, signal ? { signal } : {});
}

/** Half of an answer. Where there was none, the transport has tried often enough. */
function isCut(error: unknown): boolean {
  return isMarmitaError(error, "UNAVAILABLE") && error.step === "body";
}

/** Small answers only. What fails otherwise than in the middle of one fails at once. */
export async function again<T>(
  asker: Resting,
  work: () => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  for (let breaks = 1; ; breaks++) {
    try {
      return await work();
    } catch (error) {
      throwIfAborted(signal);
      if (!isCut(error) || breaks === MOST_BREAKS) throw error;
    }
    await asker.rest(breaks, signal);
  }
}
