/** JSON from outside, read strictly: each field is checked once and named when it is wrong. */
import { MarmitaError } from "../errors.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** Throws `CORRUPT` with what the text was meant to be. */
export function parseJson(text: string | Uint8Array, what: string): unknown {
  try {
    return JSON.parse(typeof text === "string" ? text : new TextDecoder("utf-8").decode(text));
  } catch (cause) {
    throw new MarmitaError("CORRUPT", `${what} is not JSON`, { cause, details: { what } });
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** One JSON object being read. `null` counts as absent, as in everything written by Go. */
export class JsonReader {
  readonly #object: JsonObject;
  readonly #what: string;

  /** `what` names the object in errors: `manifest sha256:…`. Throws `CORRUPT` for another type. */
  constructor(value: unknown, what: string) {
    if (!isJsonObject(value)) throw wrong(what, "be a JSON object", value);
    this.#object = value;
    this.#what = what;
  }

  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  text(name: string): string {
    return this.#need(name, "be a text", this.findText(name));
  }

  findText(name: string): string | undefined {
    return this.#check(name, "be a text", (value) => typeof value === "string");
  }

  /** A whole number of 0 or more that JavaScript holds exactly. */
  size(name: string): number {
    return this.#need(name, "be a whole number", this.findSize(name));
  }

  findSize(name: string): number | undefined {
    return this.#check(
      name,
      "be a whole number of 0 or more",
      (value): value is number => Number.isSafeInteger(value) && Number(value) >= 0,
    );
  }

  findFlag(name: string): boolean | undefined {
    return this.#check(name, "be true or false", (value) => typeof value === "boolean");
  }

  findTexts(name: string): readonly string[] | undefined {
    return this.#check(
      name,
      "be a list of texts",
      (value): value is string[] =>
        Array.isArray(value) && value.every((item) => typeof item === "string"),
    );
  }

  findTextMap(name: string): Readonly<Record<string, string>> | undefined {
    return this.#check(
      name,
      "map texts to texts",
      (value): value is Record<string, string> =>
        isJsonObject(value) && Object.values(value).every((item) => typeof item === "string"),
    );
  }

  /** The keys of an object used as a set: `{"80/tcp": {}}`. */
  findKeys(name: string): readonly string[] | undefined {
    const value = this.#check(name, "be a JSON object", isJsonObject);
    return value === undefined ? undefined : Object.keys(value);
  }

  object<T>(name: string, parse: (value: unknown, what: string) => T): T {
    return this.#need(name, "be a JSON object", this.findObject(name, parse));
  }

  findObject<T>(name: string, parse: (value: unknown, what: string) => T): T | undefined {
    const value = this.#find(name);
    return value === undefined ? undefined : parse(value, `${this.#what}: ${name}`);
  }

  list<T>(name: string, parse: (value: unknown, what: string) => T): readonly T[] {
    return this.#need(name, "be a list", this.findList(name, parse));
  }

  findList<T>(name: string, parse: (value: unknown, what: string) => T): readonly T[] | undefined {
    const value = this.#check(name, "be a list", (found): found is unknown[] =>
      Array.isArray(found),
    );
    return value?.map((item, index) => parse(item, `${this.#what}: ${name}[${index}]`));
  }

  #find(name: string): unknown {
    return Object.hasOwn(this.#object, name) ? (this.#object[name] ?? undefined) : undefined;
  }

  #check<T>(name: string, expectation: string, is: (value: unknown) => value is T): T | undefined {
    const value = this.#find(name);
    if (value === undefined || is(value)) return value;
    throw wrong(`${this.#what}: "${name}"`, expectation, value);
  }

  #need<T>(name: string, expectation: string, value: T | undefined): T {
    if (value === undefined) throw wrong(`${this.#what}: "${name}"`, expectation, undefined);
    return value;
  }
}

function wrong(what: string, expectation: string, value: unknown): MarmitaError {
  const got = value === undefined ? "nothing" : textOf(value);
  const shown = got.length > 60 ? `${got.slice(0, 57)}...` : got;
  return new MarmitaError("CORRUPT", `${what}: expected it to ${expectation}, got ${shown}`);
}

/** Reading JSON takes no stack, writing it does: what is nested very deep cannot be shown. */
function textOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? typeof value;
  } catch {
    return Array.isArray(value) ? "a deep list" : "a deep object";
  }
}
