/** Told when a file of a directory is made, written or removed; else by looking now and then. */
import { type FSWatcher, watch } from "node:fs";
import { onAbort, throwIfAborted } from "./abort.ts";

/** For what no event tells of. */
const LOOK_MS = 1_000;
/** Where there is no watching: the user has as many watches as are allowed. */
const POLL_MS = 50;

/** Begins when it is made: look first, then wait, and nothing in between is missed. */
export class Changes implements Disposable {
  readonly #watcher: FSWatcher | undefined;
  #hasChanged = false;
  #wake: (() => void) | undefined;

  constructor(directory: string, name: string) {
    const changed = () => {
      this.#hasChanged = true;
      this.#wake?.();
    };
    this.#watcher = watchDirectory(directory, (file) => {
      if (file === null || file === name) changed();
    });
    this.#watcher?.on("error", changed);
  }

  /** Resolves at the next change, at the latest in a second. Rejects with an `AbortError`. */
  async next(signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    const longestMs = this.#watcher === undefined ? POLL_MS : LOOK_MS;
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        unhook?.();
        resolve();
      };
      const timer = setTimeout(wake, longestMs);
      const unhook = signal && onAbort(signal, wake);
      this.#wake = wake;
      if (this.#hasChanged) wake();
    });
    this.#wake = undefined;
    this.#hasChanged = false;
    throwIfAborted(signal);
  }

  [Symbol.dispose](): void {
    this.#watcher?.close();
  }
}

function watchDirectory(
  directory: string,
  onChange: (name: string | null) => void,
): FSWatcher | undefined {
  try {
    return watch(directory, (_, name) => onChange(name));
  } catch {
    return undefined;
  }
}
