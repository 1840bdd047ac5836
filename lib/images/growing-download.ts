/** A blob on its way, for whoever unpacks it meanwhile. */
import { link } from "node:fs/promises";
import { basename, join } from "node:path";

import type { GrowingBlob } from "../layers/growing.ts";

export class GrowingDownload implements GrowingBlob {
  readonly begun: Promise<string>;
  readonly whole: Promise<string>;
  readonly #watchers = new Set<() => void>();
  readonly #begin: (file: string) => void;
  readonly #finish: (file: string) => void;
  #linking: Promise<void> | undefined;
  readonly #fails: ((error: unknown) => void)[] = [];

  constructor() {
    const begun = this.#promise();
    const whole = this.#promise();
    this.begun = begun.promise;
    this.whole = whole.promise;
    this.#begin = begun.resolve;
    this.#finish = whole.resolve;
  }

  watch(onGrown: () => void): () => void {
    const watcher = () => onGrown();
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** It has more bytes, or was begun anew. `draft`: a directory of one's own, where it is. */
  grow(file: string, draft: string): void {
    this.#linking ??= this.#link(file, join(draft, `${basename(file)}-growing`));
    for (const watcher of this.#watchers) watcher();
  }

  /** All of it is in `file`. */
  finish(file: string): void {
    this.#begin(file);
    this.#finish(file);
  }

  /** Nothing more will come. After the end it is of no account. */
  fail(error: unknown): void {
    for (const reject of this.#fails) reject(error);
  }

  /** Nothing is made in the draft any more: it can be removed. */
  async settled(): Promise<void> {
    await this.#linking;
  }

  /** The file loses its name when it is whole: whoever is about to follow it needs one that stays. */
  async #link(file: string, path: string): Promise<void> {
    try {
      await link(file, path);
      this.#begin(path);
    } catch {
      this.#linking = undefined; // it was whole by then, or is begun anew
    }
  }

  #promise(): { readonly promise: Promise<string>; readonly resolve: (file: string) => void } {
    let resolve: (file: string) => void = () => undefined;
    const promise = new Promise<string>((done, fail) => {
      resolve = done;
      this.#fails.push(fail);
    });
    promise.catch(() => undefined); // those who wait for it tell
    return { promise, resolve };
  }
}
