/** Options of what renames and ends containers, checked at the door. */
import { parseSignal } from "../runtime/signals.ts";
import { abortSignal, check, oneOf, wholeNumber, wrong } from "../util/check.ts";
import { containerName } from "./container-checks.ts";
import type { KillOptions, SignalName, StopOptions, WaitOptions } from "./lifecycle-options.ts";
import type { RenameOptions } from "./rename.ts";

/** What the keeper counts in: far beyond a lifetime. */
const LONGEST_MS = Number.MAX_SAFE_INTEGER;

export function checkStopOptions(options: StopOptions): void {
  const timeoutMs = wholeNumber("milliseconds", -1, LONGEST_MS);
  check<StopOptions>({ stopSignal: signalName, timeoutMs, signal: abortSignal }, options);
}

export function checkKillOptions(options: KillOptions): void {
  check<KillOptions>({ signal: abortSignal }, options);
}

/** What is sent. */
export function checkSignalName(value: SignalName): void {
  signalName(value, "name");
}

export function checkWaitOptions(options: WaitOptions): void {
  const condition = oneOf("not-running", "next-exit", "removed");
  check<WaitOptions>({ condition, signal: abortSignal }, options);
}

/** What a container is to be called. */
export function checkContainerName(value: string): void {
  containerName(value, "name");
}

export function checkRenameOptions(options: RenameOptions): void {
  check<RenameOptions>({ signal: abortSignal }, options);
}

function signalName(value: unknown, name: string): void {
  const isOne = typeof value === "number" || typeof value === "string";
  if (isOne && parseSignal(String(value)) !== undefined) return;
  throw wrong(name, "a signal's name or number", value);
}
