/** Moments as Docker reads them: a time, or how long ago it was. */
import { MarmitaError } from "../errors.ts";

const UNIT_MS: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
  us: 0.001,
  µs: 0.001,
  μs: 0.001,
  ns: 0.000_001,
};
const DURATION = /^(?:\d+(?:\.\d*)?(?:ns|us|µs|μs|ms|s|m|h))+$/;
const PART = /(\d+(?:\.\d*)?)(ns|us|µs|μs|ms|s|m|h)/g;
const TIME =
  /^(\d{4}-\d\d-\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d(?:\.\d{1,9})?))?)?)?(Z|[+-]\d\d:\d\d)?$/;

/**
 * `2026-01-31`, `2026-01-31T10:00`, `2026-01-31T10:00:00Z` (of this machine's time zone unless it
 * says which), seconds since 1970, or `1h30m`: so long before `now`. Throws `INVALID_ARGUMENT`.
 */
export function parseMoment(text: string, now: Date = new Date()): Date {
  const time = timeOf(text, now);
  if (time !== undefined && !Number.isNaN(time)) return new Date(time);
  throw new MarmitaError(
    "INVALID_ARGUMENT",
    `expected a time as "2026-01-31T10:00:00Z", seconds since 1970 or a duration as "24h", got ${JSON.stringify(text)}`,
  );
}

function timeOf(text: string, now: Date): number | undefined {
  if (/^\d{1,12}(?:\.\d{1,9})?$/.test(text)) return Number(text) * 1_000;
  if (DURATION.test(text)) return now.getTime() - durationMs(text);
  const [, day, hour = "00", minute = "00", second = "00", zone = ""] = TIME.exec(text) ?? [];
  if (day === undefined) return undefined;
  // A day of its own would be one of UTC.
  return Date.parse(`${day}T${hour}:${minute}:${second.slice(0, 6)}${zone}`);
}

const NANO_PER_MS = 1_000_000n;
/** Finer than a date can be. */
const FRACTION = /^(.*)\.(\d{1,9})(Z|[+-]\d\d:\d\d)?$/;

/** The same in nanoseconds since 1970, as exact as it was given. Throws `INVALID_ARGUMENT`. */
export function parseMomentNano(moment: string | Date, now: Date = new Date()): bigint {
  if (typeof moment !== "string") return BigInt(Math.floor(moment.getTime())) * NANO_PER_MS;
  parseMoment(moment, now);
  const [, whole = moment, fraction = "", zone = ""] = FRACTION.exec(moment) ?? [];
  const seconds = BigInt(parseMoment(whole + zone, now).getTime()) * NANO_PER_MS;
  return seconds + BigInt(fraction.padEnd(9, "0"));
}

/** `1m30s`, `500ms`; `undefined` for what is no duration. */
export function parseDurationMs(text: string): number | undefined {
  return DURATION.test(text) ? durationMs(text) : undefined;
}

function durationMs(text: string): number {
  let sum = 0;
  for (const [, count, unit = ""] of text.matchAll(PART))
    sum += Number(count) * (UNIT_MS[unit] ?? 0);
  return sum;
}
