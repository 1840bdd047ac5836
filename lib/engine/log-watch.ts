/** Whoever follows a log waits here: for what is written, and for the end of the container. */
import { type FSWatcher, watch } from "node:fs";
import { isMarmitaError } from "../errors.ts";
import type { KeeperConnection } from "../runtime/keeper-socket.ts";
import { onAbort } from "../util/abort.ts";
import { speakToKeeper } from "./keepers.ts";
import type { Subject } from "./subject.ts";

/** How often it is looked whether there is more, should nobody tell. */
const LOOK_MS = 1_000;
/** The same where nobody can: the user has as many inotify instances as are allowed. */
const LOOK_UNTOLD_MS = 100;

export class LogWatch implements Disposable {
  readonly #subject: Subject;
  readonly #watcher: FSWatcher | undefined;
  readonly #unhook: () => void;
  #keeper: KeeperConnection | undefined;
  #isOver = false;
  #hasChanged = false;
  #wake: () => void = () => undefined;

  private constructor(subject: Subject, signal: AbortSignal | undefined) {
    const { context, record } = subject;
    this.#subject = subject;
    this.#watcher = watchDirectory(context.paths.container(record.id), () => this.#ring());
    this.#unhook = signal === undefined ? () => undefined : onAbort(signal, () => this.#ring());
  }

  /** From here on nothing that is written goes unnoticed. */
  static async begin(subject: Subject, signal: AbortSignal | undefined): Promise<LogWatch> {
    const begun = new LogWatch(subject, signal);
    try {
      await begun.#lookAtLife(signal);
      return begun;
    } catch (error) {
      begun[Symbol.dispose]();
      throw error;
    }
  }

  /** It has ended for good, or never ran: what is not written by now never will be. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** What has changed until now is about to be looked at. */
  rearm(): void {
    this.#hasChanged = false;
  }

  /** Resolves when something may have changed since `rearm()`, or at that moment. */
  async change(moment?: string): Promise<void> {
    if (this.#hasChanged) return;
    const most = this.#watcher === undefined ? LOOK_UNTOLD_MS : LOOK_MS;
    const left = moment === undefined ? most : Date.parse(moment) - Date.now() + 1;
    const woken = new Promise<void>((resolve) => (this.#wake = resolve));
    const timer = setTimeout(this.#wake, Math.max(1, Math.min(most, left)));
    await woken;
    clearTimeout(timer);
    if (this.#keeper === undefined && !this.#isOver) await this.#lookAtState();
  }

  [Symbol.dispose](): void {
    this.#unhook();
    this.#watcher?.close();
    this.#keeper?.close();
  }

  #ring(): void {
    this.#hasChanged = true;
    this.#wake();
  }

  async #lookAtLife(signal: AbortSignal | undefined): Promise<void> {
    const { context, record } = this.#subject;
    const keeper = await speakToKeeper(context, record, { signal });
    if (keeper === undefined) return this.#lookAtState();
    this.#keeper = keeper;
    void keeper.ended.then(async (exit) => {
      this.#keeper = undefined;
      // Without a word it was killed, or would not speak to us any more.
      if (exit !== undefined) this.#isOver = true;
      this.#ring();
    });
  }

  async #lookAtState(): Promise<void> {
    try {
      const { status } = await this.#subject.state();
      if (status === "created" || status === "exited") this.#isOver = true;
    } catch (error) {
      if (!isMarmitaError(error, "NOT_FOUND")) throw error;
      this.#isOver = true; // removed
    }
  }
}

/** Not of a file: that changes its name. `undefined` where it cannot be. */
function watchDirectory(path: string, changed: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(path, changed);
    watcher.on("error", changed);
    return watcher;
  } catch {
    return undefined; // too many, or the container goes just now
  }
}
