/** Signals to containers that were made of bundles. */
import { MarmitaError } from "../errors.ts";
import { signalProcess } from "../native/syscalls.ts";
import { signalNumber } from "../runtime/signals.ts";
import { type Checks, check, flag, word } from "../util/check.ts";
import { errnoOf } from "../util/system-error.ts";
import type { KillBundleOptions } from "./options.ts";
import { notRunning } from "./ps.ts";
import { isAlive } from "./process-identity.ts";
import { type Resident, residentsOf } from "./residents.ts";
import { type FoundContainer, findContainer } from "./state.ts";

const checks: Checks<KillBundleOptions> = { root: word, all: flag };

/**
 * Send a signal to its first process, or with `all` to each one; default `SIGTERM`. Throws `CONFLICT`
 * for one that is stopped; with `all` what it left behind is reached all the same.
 */
export async function killContainer(
  id: string,
  signal: NodeJS.Signals | number = "SIGTERM",
  options: KillBundleOptions = {},
): Promise<void> {
  check(checks, options);
  const { all = false, root } = options;
  // 0 asks whether it is there (kill(2)).
  const number = signal === 0 ? 0 : signalNumber(signal);
  const found = findContainer(id, { root });
  if (all) return signalAll(found, number);
  if (found.state.pid === 0) throw notRunning(id, found.state.status);
  signalFirst(found, number);
}

/** False when it is no more. */
export function signalFirst({ record }: FoundContainer, number: number): boolean {
  const { init } = record;
  return init !== undefined && isAlive(init) && sendTo(init, number);
}

/** Throws `CONFLICT` when there is none. */
function signalAll(found: FoundContainer, number: number): void {
  const all = residentsOf(found);
  if (all.length === 0) throw notRunning(found.state.id, found.state.status);
  for (const one of all) sendTo(one, number);
}

/** False when it is no more; its number may be another's by now: then nothing happens. */
export function sendTo({ pid, startTicks }: Resident, number: number): boolean {
  try {
    return signalProcess(pid, startTicks, number);
  } catch (error) {
    throw cannotSignal(pid, error);
  }
}

function cannotSignal(pid: number, cause: unknown): MarmitaError {
  return new MarmitaError("UNAVAILABLE", `process ${pid} may not be signalled`, {
    syscall: "kill",
    errno: errnoOf(cause),
    cause,
    details: { process: pid },
  });
}
