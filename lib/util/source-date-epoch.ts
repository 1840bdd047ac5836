/** SOURCE_DATE_EPOCH: the moment that builds say they were made at, so that they can be repeated. */
import { MarmitaError } from "../errors.ts";

const NAME = "SOURCE_DATE_EPOCH";

/** Year 9999: what RFC 3339 has digits for. */
export const LATEST_EPOCH = 253_402_300_799;

/**
 * In seconds since 1970; `undefined` when it is not set, or empty. Throws `INVALID_ARGUMENT` for
 * another text than a number: it must not be passed over
 * (https://reproducible-builds.org/specs/source-date-epoch/).
 */
export function sourceDateEpoch(env: NodeJS.ProcessEnv = process.env): number | undefined {
  const text = env[NAME];
  if (text === undefined || text === "") return undefined;
  const seconds = /^\d{1,12}$/.test(text) ? Number(text) : Infinity;
  if (seconds <= LATEST_EPOCH) return seconds;
  throw new MarmitaError("INVALID_ARGUMENT", `${NAME} is ${JSON.stringify(text)}, no time`, {
    hint: "It is a number of seconds since 1970-01-01T00:00:00Z: `date +%s`.",
    details: { [NAME]: text },
  });
}

/** RFC 3339: that moment, or now. */
export function timestamp(epoch: number | undefined): string {
  if (epoch === undefined) return new Date().toISOString();
  return new Date(epoch * 1_000).toISOString().replace(".000Z", "Z");
}
