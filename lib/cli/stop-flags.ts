/** The flags of `stop` and `restart`: by what signal, and how soon by force. */
import type { StopOptions } from "../engine/lifecycle-options.ts";
import { parseSignal } from "../runtime/signals.ts";
import { MarmitaError } from "../errors.ts";
import type { Flag, ParsedFlags } from "./flags.ts";

export const STOP_FLAGS: readonly Flag[] = [
  { name: "signal", short: "s", value: "string", help: "Signal to send to the container" },
  {
    name: "timeout",
    short: "t",
    also: "time",
    value: "int",
    help: "Seconds to wait before killing the container (-1: forever)",
  },
];

export function stopOptions(flags: ParsedFlags): Pick<StopOptions, "stopSignal" | "timeoutMs"> {
  const stopSignal = flags.map("signal", readSignal).at(-1);
  const timeoutMs = flags.map("timeout", parseSeconds).at(-1);
  return { stopSignal, timeoutMs };
}

/** Throws `INVALID_ARGUMENT`. */
export function readSignal(text: string): number {
  const number = parseSignal(text);
  if (number !== undefined) return number;
  throw new MarmitaError("INVALID_ARGUMENT", "expected a signal's name or number");
}

function parseSeconds(text: string): number {
  if (/^-\d{1,10}$/.test(text)) return -1;
  if (/^\d{1,10}$/.test(text)) return Number(text) * 1_000;
  throw new MarmitaError("INVALID_ARGUMENT", "expected a whole number of seconds");
}
