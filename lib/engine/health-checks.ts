/** Checks of the option `healthcheck`. */
import { MarmitaError } from "../errors.ts";
import type { HealthcheckOptions } from "../runtime/healthcheck.ts";
import { check, type Checks, isText, wholeNumber, wrong } from "../util/check.ts";

/** A year and more: what is multiplied by a million stays a safe integer. */
const MAX_MS = 2 ** 32;
const duration = wholeNumber("milliseconds", 1, MAX_MS);

const CHECKS: Checks<HealthcheckOptions> = {
  test,
  intervalMs: duration,
  timeoutMs: duration,
  startPeriodMs: wholeNumber("milliseconds", 0, MAX_MS),
  startIntervalMs: duration,
  retries: wholeNumber("failures", 1, 2 ** 31 - 1),
};

export function healthcheck(value: unknown, name: string): void {
  if (value === "none") return;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw wrong(name, '"none" or an object', value);
  }
  try {
    check(CHECKS, value);
  } catch (error) {
    if (!(error instanceof MarmitaError)) throw error;
    const { message, details } = error;
    throw new MarmitaError("INVALID_ARGUMENT", `"${name}": ${message}`, {
      details: { ...details, option: `${name}.${String(details["option"])}` },
    });
  }
}

function test(value: unknown, name: string): void {
  if (isText(value) && value !== "") return;
  if (Array.isArray(value) && value.length > 0 && value.every(isText)) return;
  throw wrong(name, "a line for the shell, or an array of words", value);
}
