/** Signals that `run` and `exec` get are their process's. */
import { constants } from "node:os";
import { PROXIED } from "../cli/attach.ts";

/** Those that end whoever does not catch them, and are sent to end something. */
const ENDING = new Set<string>(["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"]);

/** What is needed of a process. */
interface Target {
  kill(signal: number): void;
}

/** Signals caught from now on, until it is disposed of. */
export class PassedSignals implements Disposable {
  readonly #early = new AbortController();
  /** In the order in which they came. */
  readonly #waiting: number[] = [];
  #target: Target | undefined;
  /** Asked to end before there was anything to end. */
  #endedBy: number | undefined;

  constructor() {
    for (const name of PROXIED) process.on(name, this.#receive);
  }

  /** Aborted by the first signal to end that comes before there is a process. */
  get early(): AbortSignal {
    return this.#early.signal;
  }

  /** From here on they go to the process, those first that came while it was made. */
  to(target: Target): void {
    this.#target = target;
    for (const number of this.#waiting.splice(0)) target.kill(number);
  }

  /** Where its making was ended by a signal: as if the process had got it. Else throws `error`. */
  exitCode(error: unknown): number {
    if (this.#endedBy === undefined) throw error;
    return 128 + this.#endedBy;
  }

  readonly #receive = (name: NodeJS.Signals): void => {
    const number = constants.signals[name];
    if (this.#target !== undefined) this.#target.kill(number);
    else if (ENDING.has(name)) this.#abort(number);
    else this.#waiting.push(number);
  };

  #abort(number: number): void {
    this.#endedBy ??= number;
    this.#early.abort();
  }

  [Symbol.dispose](): void {
    for (const name of PROXIED) process.off(name, this.#receive);
  }
}
