/** Signals: names as Node has them ⇄ numbers as the kernel does. */
import { constants } from "node:os";
import { MarmitaError } from "../errors.ts";

const LAST_SIGNAL = 64;

const NAMES = new Map(
  Object.keys(constants.signals)
    .filter((name): name is NodeJS.Signals => name in constants.signals)
    // The first name of a number is the usual one: SIGABRT, not SIGIOT.
    .reverse()
    .map((name) => [constants.signals[name], name]),
);

/** Throws `INVALID_ARGUMENT` for what is no signal. */
export function signalNumber(signal: NodeJS.Signals | number): number {
  const number = typeof signal === "number" ? signal : constants.signals[signal];
  if (Number.isInteger(number) && number > 0 && number <= LAST_SIGNAL) return number;
  throw new MarmitaError(
    "INVALID_ARGUMENT",
    `expected "signal" to be a signal's name or number, got ${JSON.stringify(signal)}`,
  );
}

/** `null` for numbers without a name: 0, and real-time signals. */
export function signalName(number: number): NodeJS.Signals | null {
  return NAMES.get(number) ?? null;
}
