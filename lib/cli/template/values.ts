/**
 * The values a template works on, told apart as Go tells them: a text, a flag, a whole number
 * (a JavaScript number), a fraction, a list (an array), a map (a `Map`), a struct (any other
 * object, whose functions are its methods), a function, and nothing.
 */

/** A fraction that may be whole: `1.0`. */
export class Float {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** A list and a map of Go that are nil: empty, and `null` in JSON. */
export const NIL_LIST: readonly unknown[] = Object.freeze([]);
export const NIL_MAP: ReadonlyMap<string, unknown> = new Map();

/** A function of a template, or a method: called with values, returns one. */
export type Callable = (...args: readonly unknown[]) => unknown;

export type Kind =
  | "nothing"
  | "bool"
  | "int"
  | "float"
  | "string"
  | "list"
  | "map"
  | "struct"
  | "function";

export function kindOf(value: unknown): Kind {
  if (value === undefined || value === null) return "nothing";
  if (value instanceof Float) return "float";
  if (isList(value)) return "list";
  if (value instanceof Map) return "map";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "string") return "string";
  if (typeof value === "function") return "function";
  return "struct";
}

export function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

export function isMap(value: unknown): value is ReadonlyMap<string, unknown> {
  return value instanceof Map;
}

export function isStruct(value: unknown): value is object {
  return typeof value === "object" && kindOf(value) === "struct";
}

export function isCallable(value: unknown): value is Callable {
  return typeof value === "function";
}

export function isNumber(value: unknown): value is number | Float {
  return typeof value === "number" || value instanceof Float;
}

export function numeric(value: number | Float): number {
  return typeof value === "number" ? value : value.value;
}

/** Sorted by bytes, as Go sorts them. */
export function sortedKeys(map: ReadonlyMap<string, unknown>): readonly string[] {
  return [...map.keys()].sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
}

/** What Go calls the type of such a value. */
export function typeName(value: unknown): string {
  switch (kindOf(value)) {
    case "nothing":
      return "<nil>";
    case "float":
      return "float64";
    case "list":
      return isList(value) && value.length > 0 && value.every((item) => typeof item === "string")
        ? "[]string"
        : "[]interface {}";
    case "map":
      return "map[string]interface {}";
    case "function":
      return "func()";
    case "bool":
    case "int":
    case "string":
    case "struct":
      return kindOf(value);
  }
}

/** Whether `if` takes it for true: what is not empty. */
export function isTrue(value: unknown): boolean {
  if (isList(value)) return value.length > 0;
  if (isMap(value)) return value.size > 0;
  if (isNumber(value)) return numeric(value) !== 0;
  if (value === undefined || value === null) return false;
  return value !== false && value !== "";
}

/** As Go's `%v` writes it. */
export function textOf(value: unknown): string {
  if (isList(value)) return `[${value.map(textOf).join(" ")}]`;
  if (isMap(value)) {
    return `map[${sortedKeys(value)
      .map((key) => `${key}:${textOf(value.get(key))}`)
      .join(" ")}]`;
  }
  if (value instanceof Float || (typeof value === "number" && !Number.isInteger(value))) {
    return floatText(numeric(value));
  }
  if (value === undefined || value === null) return "<nil>";
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return isStruct(value) ? `{${fieldsOf(value).map(textOf).join(" ")}}` : "func()";
}

/** What a struct has, without its methods. */
function fieldsOf(value: object): readonly unknown[] {
  return Object.values(value).filter((field: unknown) => typeof field !== "function");
}

/** The shortest form that reads back, with Go's exponents. */
function floatText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e21)) return exponent(value.toExponential());
  return Object.is(value, -0) ? "-0" : String(value);
}

/** `1e-7` → `1e-07` */
export function exponent(text: string): string {
  return text.replace(/e([+-])(\d)$/, "e$10$2");
}

/** JSON as Go writes it: the keys of maps sorted, methods without arguments called. */
export function jsonOf(value: unknown): string {
  return JSON.stringify(plain(value));
}

function plain(value: unknown): unknown {
  if (value === NIL_LIST || value === NIL_MAP || value === undefined) return null;
  if (value instanceof Float) return value.value;
  if (isList(value)) return value.map(plain);
  if (isMap(value))
    return Object.fromEntries(sortedKeys(value).map((key) => [key, plain(value.get(key))]));
  if (!isStruct(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]: [string, unknown]) => !isCallable(field) || field.length === 0)
      .map(([name, field]: [string, unknown]) => [
        name,
        plain(isCallable(field) ? field() : field),
      ]),
  );
}
