/** Options about registries, checked at the door: of what may be a secret nothing is quoted. */
import { MarmitaError } from "../errors.ts";
import type { Credentials } from "../registry/credentials.ts";
import type { SearchOptions } from "../registry/search-options.ts";
import { type Checks, abortSignal, check, flag, wholeNumber, wrong } from "../util/check.ts";

/** The properties that there are together. */
type Shape<C> = C extends unknown ? readonly (keyof C & string)[] : never;

const SHAPES: readonly Shape<Credentials>[] = [
  ["username", "password"],
  ["identityToken"],
  ["registryToken"],
];

export function credentials(value: unknown, name: string): void {
  if (SHAPES.some((shape) => hasTexts(value, shape))) return;
  const shapes = SHAPES.map((shape) => `{ ${shape.join(", ")} }`);
  throw new MarmitaError("INVALID_ARGUMENT", `expected "${name}" to be ${shapes.join(" or ")}`, {
    details: { option: name },
  });
}

/** What Docker Hub gives at once. */
export const MOST_SEARCH_RESULTS = 100;

const search: Checks<SearchOptions> = {
  limit: wholeNumber("results", 1, MOST_SEARCH_RESULTS),
  isOfficial: flag,
  stars: wholeNumber("stars", 0, Number.MAX_SAFE_INTEGER),
  auth: credentials,
  tlsVerify: flag,
  signal: abortSignal,
};

/** Throws `INVALID_ARGUMENT`. */
export function checkSearchOptions(options: SearchOptions): void {
  check(search, options);
}

export function callback(value: unknown, name: string): void {
  if (typeof value !== "function") throw wrong(name, "a function", value);
}

function hasTexts(value: unknown, names: readonly string[]): boolean {
  if (typeof value !== "object" || value === null) return false;
  const given = Object.keys(value).toSorted();
  if (given.join() !== names.toSorted().join()) return false;
  return names.every((name) => typeof Reflect.get(value, name) === "string");
}
