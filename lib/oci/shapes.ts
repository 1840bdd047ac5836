/** Shapes of JSON from outside: each value is checked once, and named by its place when it is wrong. */
import { MarmitaError } from "../errors.ts";
import { isJsonObject } from "../util/json.ts";

/** A value that is being read, and where it stands: `mounts[3].options[0]`. */
export interface Place {
  readonly json: unknown;
  readonly path: string;
}

/** What a value must look like; what comes out is new, and has nothing that the shape does not. */
export interface Shape<T> {
  /** Throws `INVALID_ARGUMENT` with the place as `details.field`. */
  read(place: Place): T;
  /** Paths of all that may be in it, from here: `[].source`, `.timeout`; none for a plain value. */
  readonly properties: readonly string[];
}

export function wrongAt({ json, path }: Place, expectation: string): MarmitaError {
  const where = path === "" ? "config.json" : `config.json: ${path}`;
  const message = `${where}: expected it to ${expectation}, got ${show(json)}`;
  return new MarmitaError("INVALID_ARGUMENT", message, { details: { field: path } });
}

function show(json: unknown): string {
  if (json === undefined) return "nothing";
  let text: string;
  try {
    text = typeof json === "bigint" ? String(json) : (JSON.stringify(json) ?? typeof json);
  } catch {
    text = "something deep"; // writing it takes stack, reading does not
  }
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function plain<T>(read: (place: Place) => T): Shape<T> {
  return { read, properties: [] };
}

export const flag: Shape<boolean> = plain((place) => {
  if (typeof place.json === "boolean") return place.json;
  throw wrongAt(place, "be true or false");
});

/** The kernel's texts end at their first NUL: what has one cannot be said to it. */
export const text: Shape<string> = plain((place) => {
  const { json } = place;
  if (typeof json !== "string") throw wrongAt(place, "be a text");
  if (json.includes("\0")) throw wrongAt(place, "have no NUL in it");
  return json;
});

export const someText: Shape<string> = checked(text, (one) => one !== "", "not be empty");

export const absolutePath: Shape<string> = checked(
  text,
  (path) => path.startsWith("/"),
  "be an absolute path",
);

export function checked<T>(
  shape: Shape<T>,
  holds: (value: T) => boolean,
  expectation: string,
): Shape<T> {
  return {
    properties: shape.properties,
    read: (place) => {
      const value = shape.read(place);
      if (holds(value)) return value;
      throw wrongAt(place, expectation);
    },
  };
}

export function word<const Word extends string>(words: readonly Word[]): Shape<Word> {
  return plain((place) => {
    const found = words.find((one) => one === place.json);
    if (found !== undefined) return found;
    throw wrongAt(place, `be one of ${words.join(", ")}`);
  });
}

/** A whole number that is small enough to be one of JavaScript's. */
export function whole(least: number, most: number): Shape<number> {
  return plain((place) => {
    const { json } = place;
    if (typeof json === "number" && Number.isSafeInteger(json) && json >= least && json <= most) {
      return json;
    }
    throw wrongAt(place, `be a whole number from ${least} to ${most}`);
  });
}

/** As the kernel has it: a bigint where a number is not exact. */
export function whole64(least: bigint, most: bigint): Shape<number | bigint> {
  return plain((place) => {
    const { json } = place;
    const isWhole = typeof json === "bigint" || Number.isSafeInteger(json);
    if (isWhole && (json as number | bigint) >= least && (json as number | bigint) <= most) {
      return json as number | bigint;
    }
    throw wrongAt(place, `be a whole number from ${least} to ${most}`);
  });
}

/**
 * What a later version of the specification has: a container must not lack it without a word. What
 * is empty asks for nothing.
 */
export function later(version: string): Shape<undefined> {
  return plain(({ json, path }) => {
    if (typeof json === "object" && json !== null && Object.keys(json).length === 0)
      return undefined;
    throw new MarmitaError("UNSUPPORTED", `config.json: ${path} is not supported`, {
      hint: `It is of version ${version} of the OCI runtime specification.`,
      details: { field: path },
    });
  });
}

export const uint16: Shape<number> = whole(0, 0xffff);
export const uint32: Shape<number> = whole(0, 0xffff_ffff);
export const int64: Shape<number | bigint> = whole64(-(2n ** 63n), 2n ** 63n - 1n);
export const uint64: Shape<number | bigint> = whole64(0n, 2n ** 64n - 1n);

export function list<T>(item: Shape<T>): Shape<readonly T[]> {
  return {
    properties: item.properties.map((path) => `[]${path}`),
    read: (place) => {
      const { json, path } = place;
      if (!Array.isArray(json)) throw wrongAt(place, "be a list");
      return json.map((one: unknown, index) => {
        return item.read({ json: one, path: `${path}[${index}]` });
      });
    },
  };
}

/** An object whose keys are names of somebody's choice. */
export function map<T>(item: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return {
    properties: item.properties.map((path) => `.*${path}`),
    read: (place) => {
      const { json, path } = place;
      if (!isJsonObject(json)) throw wrongAt(place, "be a JSON object");
      const entries = Object.entries(json).map(([key, one]) => {
        const at = `${path}[${JSON.stringify(key)}]`;
        if (key === "") throw wrongAt({ json: key, path: at }, "have a name");
        text.read({ json: key, path: at });
        return [key, item.read({ json: one, path: at })] as const;
      });
      return Object.fromEntries(entries);
    },
  };
}

/** One property of an object. */
export interface Property<T, Required extends boolean> {
  readonly shape: Shape<T>;
  readonly isRequired: Required;
  /** Beside `null`, what stands for nothing at all. */
  readonly nothing?: "";
  /** What it is where it is absent. */
  readonly fallback?: T;
}

export function required<T>(shape: Shape<T>): Property<T, true> {
  return { shape, isRequired: true };
}

export function optional<T>(shape: Shape<T>): Property<T, false> {
  return { shape, isRequired: false };
}

/** An empty text is an absent one, as encoders write it that must write something. */
export function optionalText<T extends string>(shape: Shape<T>): Property<T, false> {
  return { shape, isRequired: false, nothing: "" };
}

type Properties = Readonly<Record<string, Property<unknown, boolean>>>;
type ValueOf<P> = P extends Property<infer T, boolean> ? T : never;
type RequiredOf<P extends Properties> = {
  [Name in keyof P]: P[Name] extends Property<unknown, true> ? Name : never;
}[keyof P];
type ObjectOf<P extends Properties> = {
  readonly [Name in RequiredOf<P>]: ValueOf<P[Name]>;
} & { readonly [Name in Exclude<keyof P, RequiredOf<P>>]?: ValueOf<P[Name]> };

/**
 * Other properties are passed over (config.md, "Extensibility"). `null` counts as absent, as in
 * everything written by Go.
 */
export function object<P extends Properties>(properties: P): Shape<ObjectOf<P>> {
  const rows = Object.entries(properties);
  return {
    properties: rows.flatMap(([name, { shape }]) => {
      return [`.${name}`, ...shape.properties.map((path) => `.${name}${path}`)];
    }),
    read: (place) => {
      const { json, path } = place;
      if (!isJsonObject(json)) throw wrongAt(place, "be a JSON object");
      const entries = rows.flatMap(([name, property]) => {
        const at = path === "" ? name : `${path}.${name}`;
        const written = Object.hasOwn(json, name) ? (json[name] ?? undefined) : undefined;
        const value = readProperty(property, { json: written, path: at });
        return value === undefined ? [] : [[name, value] as const];
      });
      return Object.fromEntries(entries) as ObjectOf<P>; // the rows' shapes are the type's
    },
  };
}

function readProperty(property: Property<unknown, boolean>, place: Place): unknown {
  const { shape, isRequired, nothing, fallback } = property;
  if (place.json !== undefined && place.json !== nothing) return shape.read(place);
  if (isRequired && fallback === undefined) throw wrongAt(place, "be there");
  return fallback;
}
