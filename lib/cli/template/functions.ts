/** The functions of templates: those of Go, and those that Docker adds. */
import { compare, equals } from "./compare.ts";
import { escapeHtml, escapeJs, escapeQuery } from "./escapes.ts";
import { FunctionFault } from "./function-fault.ts";
import { LONGEST_PAD } from "./limits.ts";
import { sprintf } from "./printf.ts";
import {
  type Callable,
  isCallable,
  isList,
  isMap,
  isTrue,
  jsonOf,
  kindOf,
  textOf,
  typeName,
} from "./values.ts";

/** What a function takes: a fault names the first value that is another. */
export type Parameter = "any" | "string" | "int" | "strings";

export interface TemplateFunction {
  readonly takes: readonly Parameter[];
  /** And any number of these. */
  readonly rest?: Parameter;
  readonly call: Callable;
}

export type Functions = Readonly<Record<string, TemplateFunction>>;

const GO: Functions = {
  // Of these two the evaluator does the work: they stop at the first that decides.
  and: { takes: ["any"], rest: "any", call: (...args) => args.at(-1) },
  or: { takes: ["any"], rest: "any", call: (...args) => args.at(-1) },
  not: { takes: ["any"], call: (value) => !isTrue(value) },
  eq: { takes: ["any"], rest: "any", call: (first, ...others) => equals(first, others) },
  ne: { takes: ["any", "any"], call: (one, other) => !equals(one, [other]) },
  lt: { takes: ["any", "any"], call: (one, other) => compare(one, other) < 0 },
  le: { takes: ["any", "any"], call: (one, other) => compare(one, other) <= 0 },
  gt: { takes: ["any", "any"], call: (one, other) => compare(one, other) > 0 },
  ge: { takes: ["any", "any"], call: (one, other) => compare(one, other) >= 0 },
  index: { takes: ["any"], rest: "any", call: index },
  slice: { takes: ["any"], rest: "any", call: slice },
  len: { takes: ["any"], call: length },
  print: { takes: [], rest: "any", call: print },
  println: { takes: [], rest: "any", call: (...args) => `${args.map(textOf).join(" ")}\n` },
  printf: {
    takes: ["string"],
    rest: "any",
    call: (format, ...args) => sprintf(String(format), args),
  },
  html: { takes: [], rest: "any", call: (...args) => escapeHtml(shown(args)) },
  js: { takes: [], rest: "any", call: (...args) => escapeJs(shown(args)) },
  urlquery: { takes: [], rest: "any", call: (...args) => escapeQuery(shown(args)) },
  call: { takes: ["any"], rest: "any", call },
};

/** In Docker's documentation: "Format command and log output". */
const DOCKER: Functions = {
  json: { takes: ["any"], call: jsonOf },
  split: { takes: ["string", "string"], call: (text, by) => String(text).split(String(by)) },
  join: { takes: ["strings", "string"], call: join },
  title: { takes: ["string"], call: (text) => title(String(text)) },
  lower: { takes: ["string"], call: (text) => Array.from(String(text), lower).join("") },
  upper: { takes: ["string"], call: (text) => Array.from(String(text), upper).join("") },
  pad: { takes: ["string", "int", "int"], call: pad },
  truncate: { takes: ["string", "int"], call: truncate },
};

export const FUNCTIONS: Functions = { ...GO, ...DOCKER };

/** In the line of headings: what Docker's functions would do to a cell is not done to its heading. */
export const HEADING_FUNCTIONS: Functions = {
  ...GO,
  ...Object.fromEntries(
    Object.entries(DOCKER).map(([name, { takes }]) => {
      const [, ...others] = takes;
      return [name, { takes: ["any" as const, ...others], call: (text: unknown) => text }];
    }),
  ),
};

/** Blanks between two operands of which neither is a text. */
function print(...args: readonly unknown[]): string {
  return args
    .map((arg, at) => {
      const blank = at > 0 && typeof arg !== "string" && typeof args[at - 1] !== "string";
      return (blank ? " " : "") + textOf(arg);
    })
    .join("");
}

/** What an action would print of the same. */
function shown(args: readonly unknown[]): string {
  return print(...args.map((arg) => (kindOf(arg) === "nothing" ? "<no value>" : arg)));
}

function index(item: unknown, ...indexes: readonly unknown[]): unknown {
  let found = item;
  for (const at of indexes) {
    if (kindOf(found) === "nothing") throw new FunctionFault("index of untyped nil");
    if (isMap(found)) {
      if (typeof at !== "string") {
        throw new FunctionFault(`value has type ${typeName(at)}; should be string`);
      }
      found = missing(found, at);
    } else if (isList(found)) {
      found = found[position(at, found.length - 1)];
    } else if (typeof found === "string") {
      const bytes = Buffer.from(found);
      found = bytes[position(at, bytes.length - 1)];
    } else {
      throw new FunctionFault(`can't index item of type ${typeName(found)}`);
    }
  }
  return found;
}

/** In a map from text to text what is missing is empty. */
function missing(map: ReadonlyMap<string, unknown>, key: string): unknown {
  if (map.has(key)) return map.get(key);
  return [...map.values()].every((value) => typeof value === "string") ? "" : undefined;
}

function slice(item: unknown, ...indexes: readonly unknown[]): unknown {
  if (indexes.length > 3) {
    throw new FunctionFault(`too many slice indexes: ${indexes.length}`);
  }
  const bytes = typeof item === "string" ? Buffer.from(item) : undefined;
  if (bytes !== undefined && indexes.length === 3) {
    throw new FunctionFault("cannot 3-index slice a string");
  }
  const list = bytes ?? item;
  if (bytes === undefined && !isList(list)) {
    throw new FunctionFault(
      kindOf(item) === "nothing"
        ? "slice of untyped nil"
        : `can't slice item of type ${typeName(item)}`,
    );
  }
  const size = bytes?.length ?? (isList(list) ? list.length : 0);
  const [from = 0, to = size] = indexes.map((at) => position(at, size));
  if (from > to) throw new FunctionFault(`invalid slice index: ${from} > ${to}`);
  if (bytes !== undefined) return bytes.subarray(from, to).toString();
  return isList(list) ? list.slice(from, to) : [];
}

function position(at: unknown, last: number): number {
  if (kindOf(at) === "nothing") throw new FunctionFault("cannot index slice/array with nil");
  if (typeof at !== "number" || !Number.isInteger(at)) {
    throw new FunctionFault(`cannot index slice/array with type ${typeName(at)}`);
  }
  if (at < 0 || at > last) throw new FunctionFault(`index out of range: ${at}`);
  return at;
}

function length(value: unknown): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (isList(value)) return value.length;
  if (isMap(value)) return value.size;
  if (kindOf(value) === "nothing") throw new FunctionFault("len of nil pointer");
  throw new FunctionFault(`len of type ${typeName(value)}`);
}

function call(callee: unknown, ...args: readonly unknown[]): unknown {
  if (isCallable(callee)) return callee(...args);
  if (kindOf(callee) === "nothing") throw new FunctionFault("call of nil");
  throw new FunctionFault(`non-function of type ${typeName(callee)}`);
}

function join(list: unknown, by: unknown): string {
  return isList(list) ? list.map(textOf).join(String(by)) : "";
}

/** One character for one, as in Go: ß stays. */
function upper(char: string): string {
  const large = char.toUpperCase();
  return Array.from(large).length === 1 ? large : char;
}

function lower(char: string): string {
  const small = char.toLowerCase();
  return Array.from(small).length === 1 ? small : char;
}

/** The first letter of each word in capitals: a word begins behind what is neither letter nor digit. */
function title(text: string): string {
  return text.replaceAll(/(?<![\p{L}\p{N}_])\p{L}/gu, upper);
}

function pad(text: unknown, before: unknown, after: unknown): string {
  if (text === "") return "";
  const counts = [Number(before), Number(after)];
  if (counts.some((count) => count < 0)) throw new FunctionFault("strings: negative Repeat count");
  if (counts.some((count) => count > LONGEST_PAD)) {
    throw new FunctionFault("strings: Repeat output length overflow");
  }
  const [left, right] = counts.map((count) => " ".repeat(count));
  return `${left}${String(text)}${right}`;
}

/** In bytes, as Docker counts; a character that is cut stands as U+FFFD. */
function truncate(text: unknown, limit: unknown): string {
  const bytes = Buffer.from(String(text));
  const most = Number(limit);
  if (most < 0) throw new FunctionFault(`runtime error: slice bounds out of range [:${most}]`);
  return bytes.length < most ? String(text) : bytes.subarray(0, most).toString();
}
