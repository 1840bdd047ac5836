/** How long to wait before something is tried once more. */
import { setTimeout as delay } from "node:timers/promises";
import { throwIfAborted } from "./abort.ts";

export interface Backoff {
  /** After the first failure. */
  readonly firstMs: number;
  readonly longestMs: number;
}

/**
 * Twice as long after each, from half to all of it at random: those cut off together do not come
 * back together. `failures` is from 1 on, `random` from 0 to 1.
 */
export function backoffMs(
  failures: number,
  { firstMs, longestMs }: Backoff,
  random: number = Math.random(),
): number {
  const most = Math.min(firstMs * 2 ** (failures - 1), longestMs);
  return Math.round(most * (0.5 + random / 2));
}

/** Rejects with the signal's reason when it is aborted. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(milliseconds, undefined, signal ? { signal } : {});
  } catch (error) {
    throwIfAborted(signal);
    throw error;
  }
}
