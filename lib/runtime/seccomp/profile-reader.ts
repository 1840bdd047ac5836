/** One object of a seccomp profile being read: every field once, and none that is not asked for. */
import { MarmitaError } from "../../errors.ts";
import { type JsonObject, isJsonObject } from "../../util/json.ts";

/** A value and where in the profile it stands: `syscalls[3].args`. */
export interface Place {
  readonly json: unknown;
  /** The profile's name in errors. */
  readonly what: string;
  readonly path: string;
}

/** `null` counts as absent, as in everything written by Go. */
export class ProfileReader {
  readonly #place: Place;
  readonly #object: JsonObject;
  readonly #read = new Set<string>();

  /** Throws `INVALID_ARGUMENT` for what is no object, as all of its methods for what is wrong. */
  constructor(place: Place) {
    if (!isJsonObject(place.json)) throw ProfileReader.wrongAt(place, "be a JSON object");
    this.#place = place;
    this.#object = place.json;
  }

  static wrongAt({ json, what, path }: Place, expectation: string): MarmitaError {
    const shown = json === undefined ? "nothing" : show(json);
    const where = path === "" ? what : `${what}: ${path}`;
    return new MarmitaError(
      "INVALID_ARGUMENT",
      `${where}: expected it to ${expectation}, got ${shown}`,
      {
        details: { field: path },
      },
    );
  }

  wrong(name: string, expectation: string): MarmitaError {
    return ProfileReader.wrongAt(this.#at(name), expectation);
  }

  find<T>(name: string, parse: (place: Place) => T): T | undefined {
    const place = this.#at(name);
    return place.json === undefined ? undefined : parse(place);
  }

  read<T>(name: string, parse: (place: Place) => T): T {
    const place = this.#at(name);
    if (place.json === undefined) throw ProfileReader.wrongAt(place, "be there");
    return parse(place);
  }

  findList<T>(name: string, parse: (place: Place) => T): readonly T[] | undefined {
    const place = this.#at(name);
    const { json, what, path } = place;
    if (json === undefined) return undefined;
    if (!Array.isArray(json)) throw ProfileReader.wrongAt(place, "be a list");
    return json.map((item: unknown, index) =>
      parse({ json: item, what, path: `${path}[${index}]` }),
    );
  }

  findText(name: string): string | undefined {
    const place = this.#at(name);
    const { json } = place;
    if (json === undefined || typeof json === "string") return json;
    throw ProfileReader.wrongAt(place, "be a text");
  }

  number(name: string, most: number): number {
    const number = this.findNumber(name, most);
    if (number === undefined) throw this.wrong(name, `be a whole number from 0 to ${most}`);
    return number;
  }

  findNumber(name: string, most: number): number | undefined {
    const place = this.#at(name);
    const { json } = place;
    if (json === undefined) return undefined;
    if (typeof json === "number" && Number.isSafeInteger(json) && json >= 0 && json <= most) {
      return json;
    }
    throw ProfileReader.wrongAt(place, `be a whole number from 0 to ${most}`);
  }

  /** Fields of the format that are not carried out; empty ones pass. */
  refuse(...names: readonly string[]): void {
    for (const name of names) {
      const { json, what, path } = this.#at(name);
      if (json === undefined || json === "") continue;
      throw new MarmitaError("UNSUPPORTED", `${what}: ${path} is not supported`, {
        details: { field: path },
      });
    }
  }

  /** Throws for a field that nobody asked for. */
  done(): void {
    for (const name of Object.keys(this.#object)) {
      if (!this.#read.has(name))
        throw this.wrong(name, "not be there: it is no field of a profile");
    }
  }

  #at(name: string): Place {
    this.#read.add(name);
    const { what, path } = this.#place;
    const value = Object.hasOwn(this.#object, name) ? this.#object[name] : undefined;
    return { json: value ?? undefined, what, path: path === "" ? name : `${path}.${name}` };
  }
}

function show(json: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(json) ?? typeof json;
  } catch {
    text = "something deep";
  }
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
