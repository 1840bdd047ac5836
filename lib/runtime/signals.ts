/** Signals: names as Node has them ⇄ numbers as the kernel does. */
import { constants } from "node:os";
import { MarmitaError } from "../errors.ts";

const LAST_SIGNAL = 64;
const FIRST_REAL_TIME = 34;

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

/**
 * As Docker reads it: `SIGINT`, `int`, `9`, and real-time signals as `RTMIN+3` or `RTMAX-1`.
 * `undefined` for what is none.
 */
export function parseSignal(text: string): number | undefined {
  const name = text.toUpperCase().replace(/^SIG/, "");
  const match = /^(RTMIN\+?|RTMAX-?)?(\d{1,2})?$/.exec(name);
  if (match === null) return new Map(Object.entries(constants.signals)).get(`SIG${name}`);
  const [, base, offset] = match;
  const number = base === undefined ? Number(offset) : realTime(base, offset);
  return number >= 1 && number <= LAST_SIGNAL ? number : undefined;
}

/** The C library keeps the first two of the kernel's for itself. */
function realTime(base: string, offset: string | undefined): number {
  if (/[+-]$/.test(base) !== (offset !== undefined)) return 0;
  const number = base.startsWith("RTMIN")
    ? FIRST_REAL_TIME + Number(offset ?? 0)
    : LAST_SIGNAL - Number(offset ?? 0);
  return number >= FIRST_REAL_TIME ? number : 0;
}

/** `null` for numbers without a name: 0, and real-time signals. */
export function signalName(number: number): NodeJS.Signals | null {
  return NAMES.get(number) ?? null;
}
