/** What callers may ask of the end of a container: of stop, kill, restart and wait. */

export interface StopOptions {
  /** By what it is asked to end: `SIGINT`, `INT`, `2`. Default: what it was made with, or TERM. */
  readonly stopSignal?: SignalName | undefined;
  /**
   * How long it may take until it is killed; -1: as long as it wants. Default: what it was made
   * with, or ten seconds.
   */
  readonly timeoutMs?: number | undefined;
  /** Ends the waiting. What was asked to end, or to be killed after a while, will. */
  readonly signal?: AbortSignal | undefined;
}

/** A name, with or without `SIG`, or a number. */
export type SignalName = NodeJS.Signals | number | (string & {});

export interface KillOptions {
  /** Ends the waiting for one that is killed. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * `not-running`: resolves at once for one that does not run, else when its process ends, also when
 * it is started again after that. `next-exit`: when it ends the next time, though it be started
 * first. `removed`: when the container is not there any more.
 */
export type WaitCondition = "not-running" | "next-exit" | "removed";

export interface WaitOptions {
  /** Default: `not-running`. */
  readonly condition?: WaitCondition | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface WaitResult {
  /** As a shell has it; 0 of one that has never run. */
  readonly exitCode: number;
  /** Why its command never began. */
  readonly error?: string;
}
