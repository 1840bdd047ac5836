/**
 * A gate before a lock that many share: while one who wants it alone keeps the gate closed, nobody
 * else comes to share it, and those who do get done. Without it, he would wait for as long as there
 * is always one of them.
 *
 * It is never closed for long: some of those who share take seconds, and newcomers would wait for
 * them too. So it is opened again, and closed for longer the next time, within limits.
 */
import { closeSync } from "node:fs";
import { tryLock } from "../native/syscalls.ts";
import { isMissing } from "../util/system-error.ts";

const FIRST_CLOSED_MS = 64;
const LONGEST_CLOSED_MS = 2_000;
/** As a multiple of how long it was closed. */
const OPEN_FOR = 3;

function gateOf(path: string): string {
  return `${path}-gate`;
}

/** Whether newcomers may share the lock at `path`. */
export function isOpen(path: string): boolean {
  try {
    const fd = tryLock(gateOf(path), "shared", { create: false });
    if (fd === undefined) return false;
    closeSync(fd);
    return true;
  } catch (error) {
    if (isMissing(error)) return true;
    throw error;
  }
}

/** Of somebody who wants the lock at `path` alone, and could not have it at once. */
export class Gate implements Disposable {
  readonly #path: string;
  #fd: number | undefined;
  #closedForMs = FIRST_CLOSED_MS;
  /** When it is to be opened, or may be closed again. */
  #until = 0;

  constructor(path: string) {
    this.#path = gateOf(path);
  }

  /** Call between tries for the lock, a few milliseconds apart. The directory is there. */
  move(now = performance.now()): void {
    if (now < this.#until) return;
    if (this.#fd !== undefined) {
      this[Symbol.dispose]();
      this.#until = now + OPEN_FOR * this.#closedForMs;
      this.#closedForMs = Math.min(this.#closedForMs * 2, LONGEST_CLOSED_MS);
      return;
    }
    this.#fd = tryClose(this.#path);
    if (this.#fd !== undefined) this.#until = now + this.#closedForMs;
  }

  /** Open it. Twice is fine. */
  [Symbol.dispose](): void {
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd !== undefined) closeSync(fd);
  }
}

/** Another may keep it closed. Where no file can be made, on a full disk, it stays open. */
function tryClose(path: string): number | undefined {
  try {
    return tryLock(path, "exclusive");
  } catch {
    return undefined;
  }
}
