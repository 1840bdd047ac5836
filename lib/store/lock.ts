/** Locks between processes: flock(2) on files that are never deleted. */
import { closeSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { MarmitaError } from "../errors.ts";
import { tryLock } from "../native/syscalls.ts";
import { throwIfAborted } from "../util/abort.ts";
import { isMissing } from "../util/system-error.ts";

export interface LockOptions {
  readonly mode: "shared" | "exclusive";
  readonly signal?: AbortSignal | undefined;
  /** Give up with `UNAVAILABLE` after this long. Waits for ever when absent. */
  readonly timeoutMs?: number | undefined;
}

/** A lock that is held until it is disposed of; the kernel lets go of it when the process dies. */
export interface Lock extends AsyncDisposable, Disposable {}

const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 32;

/** Take the lock, waiting for whoever holds it. Excludes other holders in this process too. */
export async function lock(path: string, options: LockOptions): Promise<Lock> {
  const { mode, signal, timeoutMs } = options;
  const deadline = timeoutMs === undefined ? Infinity : performance.now() + timeoutMs;
  let pause = FIRST_PAUSE_MS;
  for (;;) {
    throwIfAborted(signal);
    const held = await tryOnce(path, mode);
    if (held !== undefined) return held;
    if (performance.now() >= deadline) {
      throw new MarmitaError("UNAVAILABLE", `lock ${path} is still held after ${timeoutMs} ms`, {
        step: "lock",
        details: { path, mode },
      });
    }
    // Random, so that processes waiting for one holder do not come back all at once.
    await delay(pause * (0.5 + Math.random()), undefined, signal ? { signal } : {});
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

/** Take the lock only when nobody holds it. */
export async function tryOnce(path: string, mode: LockOptions["mode"]): Promise<Lock | undefined> {
  const fd = await tryInDirectory(path, mode);
  return fd === undefined ? undefined : new HeldLock(fd);
}

async function tryInDirectory(path: string, mode: LockOptions["mode"]) {
  try {
    return tryLock(path, mode);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  return tryLock(path, mode);
}

class HeldLock implements Lock {
  #fd: number | undefined;

  constructor(fd: number) {
    this.#fd = fd;
  }

  [Symbol.dispose](): void {
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd !== undefined) closeSync(fd);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]();
  }
}
