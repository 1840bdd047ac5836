/** A container that `marmita` killed itself: said on stderr, since 137 alone may mean anything. */
import { constants } from "node:os";
import type { RunningProcess } from "../runtime/process.ts";

const KILLED = 128 + constants.signals.SIGKILL;

export class ForcedEnd implements Disposable {
  readonly #running: Pick<RunningProcess, "kill">;
  #why: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(running: Pick<RunningProcess, "kill">) {
    this.#running = running;
  }

  /** Kill it after so long. `undefined`: never. */
  after(timeoutMs: number | undefined): void {
    if (timeoutMs === undefined) return;
    this.#timer = setTimeout(() => {
      this.#why = `killed after ${timeoutMs / 1_000} s (--timeout)`;
      this.#running.kill("SIGKILL");
    }, timeoutMs);
  }

  /** It was killed by whoever passes signals on. */
  readonly byRequest = (): void => {
    this.#why = "killed: it was asked three times to end";
  };

  /** Why it ended so; `undefined` where it did by itself. */
  reason(exitCode: number): string | undefined {
    return exitCode === KILLED ? this.#why : undefined;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
