/** A download as layers see it, with each step of it told by the test. */
import { appendFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import type { GrowingBlob } from "../../lib/layers/growing.ts";

export class GrowingFile implements GrowingBlob {
  readonly path: string;
  readonly begun: Promise<string>;
  readonly whole: Promise<string>;
  readonly #listeners = new Set<() => void>();
  #begin = (_path: string) => {};
  #end = (_path: string) => {};
  #fail = (_error: Error) => {};

  constructor(path: string) {
    this.path = path;
    this.begun = new Promise((resolve) => (this.#begin = resolve));
    this.whole = new Promise((resolve, reject) => {
      this.#end = resolve;
      this.#fail = reject;
    });
    this.whole.catch(() => undefined);
  }

  watch(onGrown: () => void): () => void {
    this.#listeners.add(onGrown);
    return () => this.#listeners.delete(onGrown);
  }

  add(bytes: Uint8Array): void {
    appendFileSync(this.path, bytes);
    this.#begin(this.path);
    for (const listener of this.#listeners) listener();
  }

  /** From its first byte: in the same file, or in a new one under its path. */
  restart(where: "in the same file" | "in a new file"): void {
    if (where === "in the same file") return truncateSync(this.path);
    rmSync(this.path);
    writeFileSync(this.path, "");
  }

  end(): void {
    this.#begin(this.path);
    this.#end(this.path);
  }

  fail(error: Error): void {
    this.#fail(error);
  }

  /** How many follow it. */
  get followers(): number {
    return this.#listeners.size;
  }
}
