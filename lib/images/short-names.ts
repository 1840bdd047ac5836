/** What is pulled: a name, or one without a registry that several may have. */
import { MarmitaError, isMarmitaError } from "../errors.ts";
import {
  type Reference,
  canonical,
  familiarName,
  hasDomain,
  isReserved,
  parseReference,
} from "../oci/reference.ts";
import { idPrefix } from "./names.ts";

/** Codes that say that it is not there: registries do not tell strangers what they hide. */
export const NOT_THERE = ["NOT_FOUND", "UNAUTHORIZED", "DENIED"] as const;

/** Throws `INVALID_ARGUMENT` for an id, a reserved name, and what is no name. */
export function parsePullName(text: string): Reference {
  if (idPrefix(text)?.whole === true) {
    const message = `"${text}" is an id: an image is pulled by its name`;
    throw new MarmitaError("INVALID_ARGUMENT", message, { details: { name: text } });
  }
  const reference = parseReference(text);
  if (!isReserved(reference)) return reference;
  const message = `"${familiarName(reference)}" is a reserved name`;
  throw new MarmitaError("INVALID_ARGUMENT", message, { details: { name: text } });
}

/** What a name may mean, in the order in which that is tried. `shortNames`: registries. */
export function candidatesOf(text: string, shortNames: readonly string[]): readonly Reference[] {
  const reference = parsePullName(text);
  if (hasDomain(text)) return [reference];
  return shortNames.map((domain) => parsePullName(`${domain}/${text}`));
}

/**
 * The first that is there. One that cannot be asked ends it: the image of that name elsewhere may be
 * another one. Throws what the last one said.
 */
export async function firstThere<T>(
  candidates: readonly Reference[],
  pull: (reference: Reference) => Promise<T>,
): Promise<T> {
  const tried: string[] = [];
  for (const reference of candidates) {
    tried.push(canonical(reference));
    try {
      return await pull(reference);
    } catch (error) {
      const isNotThere = NOT_THERE.some((code) => isMarmitaError(error, code));
      if (!isNotThere || candidates.length === 1) throw error;
      if (tried.length === candidates.length) throw nowhere(tried, error);
    }
  }
  throw new MarmitaError("INVALID_ARGUMENT", "no registry is configured for short names");
}

function nowhere(tried: readonly string[], cause: unknown): MarmitaError {
  return new MarmitaError("NOT_FOUND", `no such image: ${tried.join(", ")}`, {
    cause,
    hint: "`marmita login` may be needed where it is private.",
    details: { tried },
  });
}
