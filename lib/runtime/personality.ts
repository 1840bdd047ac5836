/** config.json's `linux.personality` → the operation. */
import { MarmitaError } from "../errors.ts";
import type { Plan } from "../native/plan.ts";

export interface PersonalityInput {
  readonly domain: string;
  /** The specification knows none yet. */
  readonly flags?: readonly string[] | undefined;
}

/** linux/personality.h: with the second, uname(2) tells of a machine of 32 bits. */
const DOMAINS: Readonly<Record<string, number>> = { LINUX: 0, LINUX32: 8 };

/**
 * Of every process of the container; anywhere after `pivot`. Throws `INVALID_ARGUMENT` for another
 * domain, `UNSUPPORTED` for flags, with `details.field`.
 */
export function personalityOperations(personality: PersonalityInput | undefined): Plan {
  if (personality === undefined) return [];
  const { domain, flags = [] } = personality;
  const [flag] = flags;
  const number = Object.hasOwn(DOMAINS, domain) ? DOMAINS[domain] : undefined;
  if (number === undefined) {
    throw refused("INVALID_ARGUMENT", "linux.personality.domain", `${domain} is none`);
  }
  if (flag !== undefined) {
    throw refused("UNSUPPORTED", "linux.personality.flags", `${flag} is not supported`);
  }
  return [["personality", number]];
}

function refused(
  code: "INVALID_ARGUMENT" | "UNSUPPORTED",
  field: string,
  what: string,
): MarmitaError {
  return new MarmitaError(code, `config.json: ${field}: ${what}`, { details: { field } });
}
