/** Checks of values at the door: a wrong one is refused by name, with the value quoted. */
import { inspect } from "node:util";
import { MarmitaError } from "../errors.ts";

/** Throws `INVALID_ARGUMENT`, or `UNSUPPORTED` for what is known but not there. */
export type Check = (value: unknown, name: string) => void;

/** One for each option there is. */
export type Checks<Options> = { readonly [Key in keyof Required<Options>]: Check };

export function check<Options extends object>(checks: Checks<Options>, options: Options): void {
  object(options, "options");
  const known = new Map<string, Check>(Object.entries(checks));
  for (const [name, value] of Object.entries(options)) {
    const one = known.get(name);
    if (one === undefined) {
      throw new MarmitaError("INVALID_ARGUMENT", `unknown option ${quote(name)}`, {
        details: { option: name },
      });
    }
    if (value !== undefined) one(value, name);
  }
}

export function wrong(name: string, expected: string, value: unknown): MarmitaError {
  const message = `expected ${quote(name)} to be ${expected}, got ${quote(value)}`;
  return new MarmitaError("INVALID_ARGUMENT", message, { details: { option: name } });
}

export function quote(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  return inspect(value, { depth: 1, breakLength: Infinity, maxArrayLength: 5 });
}

export function oneOf(...choices: readonly string[]): Check {
  return (value, name) => {
    if (typeof value === "string" && choices.includes(value)) return;
    throw wrong(name, choices.map((choice) => quote(choice)).join(" or "), value);
  };
}

export function wholeNumber(unit: string, least: number, most: number): Check {
  return (value, name) => {
    if (Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most) return;
    throw wrong(name, `a whole number of ${unit} from ${least} to ${most}`, value);
  };
}

/** What may be handed to a system call as a string. */
export function isText(value: unknown): value is string {
  return typeof value === "string" && !value.includes("\0");
}

export function text(value: unknown, name: string): void {
  if (!isText(value)) throw wrong(name, "a string without zero bytes", value);
}

export function word(value: unknown, name: string): void {
  if (!isText(value) || value === "") throw wrong(name, "a string that is not empty", value);
}

export function words(value: unknown, name: string): void {
  if (Array.isArray(value) && value.every(isText)) return;
  throw wrong(name, "an array of strings without zero bytes", value);
}

export function flag(value: unknown, name: string): void {
  if (typeof value !== "boolean") throw wrong(name, "true or false", value);
}

export function object(value: unknown, name: string): void {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return;
  throw wrong(name, "an object", value);
}

/** The keys and values of an object. */
export function entries(value: unknown, name: string): [string, unknown][] {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return Object.entries(value);
  }
  throw wrong(name, "an object of strings", value);
}

export function abortSignal(value: unknown, name: string): void {
  if (!(value instanceof AbortSignal)) throw wrong(name, "an AbortSignal", value);
}
