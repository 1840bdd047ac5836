/** Locks between processes: flock(2) on files that are never deleted. */
import { closeSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

import { MarmitaError } from "../errors.ts";
import { tryLock } from "../native/syscalls.ts";
import { throwIfAborted } from "../util/abort.ts";
import { Patience } from "../util/patience.ts";
import { isMissing } from "../util/system-error.ts";
import { Gate, isOpen } from "./gate.ts";

export interface LockOptions {
  readonly mode: "shared" | "exclusive";
  readonly signal?: AbortSignal | undefined;
  /** Give up with `UNAVAILABLE` after this long. Waits for ever when absent. */
  readonly timeoutMs?: number | undefined;
  /** To hold it alone though others share it all the time: newcomers are kept waiting meanwhile. */
  readonly fair?: boolean;
}

/** A lock that is held until it is disposed of; the kernel lets go of it when the process dies. */
export interface Lock extends AsyncDisposable, Disposable {}

/** While the gate is closed, its turn comes soon. */
const LONGEST_PAUSE_AT_GATE_MS = 4;

/** Take the lock, waiting for whoever holds it. Excludes other holders in this process too. */
export async function lock(path: string, options: LockOptions): Promise<Lock> {
  const { mode, signal, timeoutMs, fair = false } = options;
  const deadline = timeoutMs === undefined ? Infinity : performance.now() + timeoutMs;
  using gate = fair ? new Gate(path) : undefined;
  const patience = new Patience(fair ? { longestMs: LONGEST_PAUSE_AT_GATE_MS } : {});
  for (;;) {
    throwIfAborted(signal);
    const held = mode === "shared" && !isOpen(path) ? undefined : await tryOnce(path, mode);
    if (held !== undefined) return held;
    if (performance.now() >= deadline) {
      throw new MarmitaError("UNAVAILABLE", `lock ${path} is still held after ${timeoutMs} ms`, {
        step: "lock",
        details: { path, mode },
      });
    }
    gate?.move();
    await patience.wait(signal);
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
