/** Once more from the start, when a connection broke in the middle of an answer. */
import { isMarmitaError } from "../errors.ts";
import { Patience } from "../util/patience.ts";
import { throwIfAborted } from "../util/abort.ts";

/** Breaks one after another, without anything that came, until it is told. */
export const MOST_BREAKS = 5;

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 3_000;

/** How long to wait after a break, longer after each. */
export function patienceAfterBreaks(): Patience {
  return new Patience({ firstMs: FIRST_PAUSE_MS, longestMs: LONGEST_PAUSE_MS });
}

/** Whether to try again makes sense: no answer, half of one, or a server in trouble. */
export function isBreak(error: unknown): boolean {
  return isMarmitaError(error, "UNAVAILABLE");
}

/** Small answers only. What fails otherwise than `UNAVAILABLE` fails at once. */
export async function again<T>(
  work: () => Promise<T>,
  { signal, patience = patienceAfterBreaks() }: AgainOptions,
): Promise<T> {
  for (let breaks = 1; ; breaks++) {
    try {
      return await work();
    } catch (error) {
      throwIfAborted(signal);
      if (!isBreak(error) || breaks === MOST_BREAKS) throw error;
    }
    await patience.wait(signal);
  }
}

interface AgainOptions {
  readonly signal?: AbortSignal | undefined;
  readonly patience?: Patience;
}
