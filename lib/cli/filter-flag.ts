/** `--filter KEY=VALUE`, given as often as there are conditions. */
import { MarmitaError } from "../errors.ts";
import { closest } from "../util/closest.ts";
import { SWITCH_VALUES, type ParsedFlags } from "./flags.ts";
import { UsageError } from "./usage.ts";

/** The values of each key, in the order in which they were given. */
export class Filters {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  all(key: string): readonly string[] {
    return this.#values.get(key) ?? [];
  }

  last(key: string): string | undefined {
    return this.all(key).at(-1);
  }

  /** Of a key that is true or false. Throws `UsageError` for anything else. */
  flag(key: string): boolean | undefined {
    const value = this.last(key);
    if (value === undefined) return undefined;
    const on = SWITCH_VALUES.get(value.toLowerCase());
    if (on === undefined) throw invalidFilter(`${key}=${value}`, "expected true or false");
    return on;
  }

  /** A value that has to be read; what is wrong about it is told with its key. */
  parse<T>(key: string, read: (value: string) => T): T | undefined {
    return this.parseAll(key, read).at(-1);
  }

  /** The same of all its values. */
  parseAll<T>(key: string, read: (value: string) => T): T[] {
    return this.all(key).map((value) => {
      try {
        return read(value);
      } catch (error) {
        if (!(error instanceof MarmitaError)) throw error;
        throw invalidFilter(`${key}=${value}`, error.message);
      }
    });
  }
}

/** The flag `filter`; `known` are the keys there are. Throws `UsageError` for any other. */
export function filtersOf(flags: ParsedFlags, known: readonly string[]): Filters {
  const values = new Map<string, string[]>();
  for (const [key, value] of flags.map("filter", parseFilter)) {
    if (!known.includes(key)) {
      const [close] = closest(key, known);
      throw new UsageError(`invalid filter '${key}'`, {
        exitCode: 1,
        hint:
          close === undefined
            ? `The filters are ${known.toSorted().join(", ")}.`
            : `Did you mean ${close}?`,
      });
    }
    values.set(key, [...(values.get(key) ?? []), value]);
  }
  return new Filters(values);
}

/** `key=value`; keys in any case, as Docker takes them. */
function parseFilter(text: string): readonly [key: string, value: string] {
  const equals = text.indexOf("=");
  if (equals < 0) {
    throw new MarmitaError("INVALID_ARGUMENT", "bad format of filter (expected name=value)");
  }
  // `label!=value`: the sign belongs to the key.
  return [text.slice(0, equals).trim().toLowerCase(), text.slice(equals + 1).trim()];
}

function invalidFilter(filter: string, why: string): UsageError {
  return new UsageError(`invalid filter '${filter}': ${why}`, { exitCode: 1 });
}
