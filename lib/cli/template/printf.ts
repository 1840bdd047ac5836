/** `printf` of templates: Go's verbs. */
import {
  exponent,
  Float,
  isList,
  isMap,
  isNumber,
  kindOf,
  numeric,
  sortedKeys,
  textOf,
  typeName,
} from "./values.ts";

/** How one value is to be written: `%-08.3f`. */
interface Directive {
  readonly flags: string;
  readonly width: number | undefined;
  readonly precision: number | undefined;
  readonly verb: string;
}

const DIRECTIVE = /%([+\-# 0]*)(?:\[(\d+)\])?(\*|\d+)?(?:\.(\*|\d+)?)?(?:\[(\d+)\])?(.)?/gsu;

/** Faults stand in the text, as in Go: `%!d(string=x)`. */
export function sprintf(format: string, args: readonly unknown[]): string {
  let next = 0;
  let reordered = false;
  const star = (text: string | undefined): number | undefined => {
    if (text !== "*") return text === undefined ? undefined : Number(text);
    const value = args[next++];
    return typeof value === "number" ? value : undefined;
  };
  const text = format.replaceAll(DIRECTIVE, (...match: readonly unknown[]) => {
    const groups = match.slice(0, 7).map((part) => (typeof part === "string" ? part : undefined));
    const [whole = "", flags = "", early, width, precision, late, verb] = groups;
    if (verb === undefined) return "%!(NOVERB)";
    if (verb === "%") return "%";
    if (early !== undefined) next = Number(early) - 1;
    const wide = star(width);
    const asked = precision === undefined && whole.includes(".") ? 0 : star(precision);
    const index = late ?? early;
    if (index !== undefined) {
      reordered = true;
      if (late !== undefined) next = Number(late) - 1;
      if (next < 0 || next >= args.length) return `%!${verb}(BADINDEX)`;
    }
    if (next >= args.length) return `%!${verb}(MISSING)`;
    const left = wide !== undefined && wide < 0 ? "-" : "";
    const directive = {
      flags: flags + left,
      width: wide && Math.abs(wide),
      precision: asked,
      verb,
    };
    return formatted(args[next++], directive);
  });
  if (reordered || next >= args.length) return text;
  const extra = args.slice(next).map((arg) => {
    return arg === undefined || arg === null ? "<nil>" : `${typeName(arg)}=${textOf(arg)}`;
  });
  return `${text}%!(EXTRA ${extra.join(", ")})`;
}

function formatted(value: unknown, directive: Directive): string {
  const { verb } = directive;
  if (verb === "T") return pad(typeName(value), directive);
  if (verb === "v") return pad(verbose(value, directive), directive);
  if (value === undefined || value === null) return `%!${verb}(<nil>)`;
  if (isList(value)) return `[${value.map((item) => formatted(item, directive)).join(" ")}]`;
  if (isMap(value)) {
    const pairs = sortedKeys(value).map((key) => {
      return `${formatted(key, directive)}:${formatted(value.get(key), directive)}`;
    });
    return `map[${pairs.join(" ")}]`;
  }
  const text = scalar(value, directive);
  if (text === undefined) return `%!${verb}(${typeName(value)}=${textOf(value)})`;
  return pad(text, directive);
}

/** `%v`, and `%#v` of what is a text. */
function verbose(value: unknown, { flags, precision }: Directive): string {
  if (typeof value === "string" && flags.includes("#")) return JSON.stringify(value);
  if (kindOf(value) === "float" && isNumber(value) && precision !== undefined) {
    return general(numeric(value), precision);
  }
  const text = textOf(value);
  const cuts = typeof value === "string" && precision !== undefined;
  return cuts ? Array.from(text).slice(0, precision).join("") : text;
}

/** `undefined` where the verb is not for such a value. */
function scalar(value: unknown, directive: Directive): string | undefined {
  if (typeof value === "string") return ofText(value, directive);
  if (typeof value === "boolean") return directive.verb === "t" ? String(value) : undefined;
  if (!isNumber(value)) return undefined;
  const number = numeric(value);
  const text =
    value instanceof Float || !Number.isInteger(value)
      ? ofFloat(number, directive)
      : ofInteger(number, directive);
  if (text === undefined || number < 0) return text;
  const { flags } = directive;
  if (/[cqU]/.test(directive.verb)) return text;
  return flags.includes("+") ? `+${text}` : flags.includes(" ") ? ` ${text}` : text;
}

function ofText(value: string, { verb, flags, precision }: Directive): string | undefined {
  const cut = precision === undefined ? value : Array.from(value).slice(0, precision).join("");
  switch (verb) {
    case "s":
      return cut;
    case "q":
      return flags.includes("#") && !cut.includes("`") ? `\`${cut}\`` : JSON.stringify(cut);
    case "x":
    case "X": {
      const bytes = Buffer.from(value).subarray(0, precision ?? Infinity);
      const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0"));
      const text = hex.join(flags.includes(" ") ? " " : "");
      const prefixed = flags.includes("#") && text !== "" ? `0x${text}` : text;
      return verb === "X" ? prefixed.toUpperCase() : prefixed;
    }
    default:
      return undefined;
  }
}

const BASES: Readonly<Record<string, number>> = { b: 2, o: 8, O: 8, d: 10, x: 16, X: 16 };
const PREFIXES: Readonly<Record<string, string>> = { b: "0b", o: "0", x: "0x", X: "0X" };

function ofInteger(value: number, { verb, flags, precision }: Directive): string | undefined {
  if (verb === "c") return String.fromCodePoint(codePoint(value));
  if (verb === "q") return `'${String.fromCodePoint(codePoint(value))}'`;
  if (verb === "U") return `U+${value.toString(16).toUpperCase().padStart(4, "0")}`;
  const base = BASES[verb];
  if (base === undefined) return undefined;
  const digits = Math.abs(value)
    .toString(base)
    .padStart(precision ?? 1, "0");
  const prefix = verb === "O" ? "0o" : flags.includes("#") ? (PREFIXES[verb] ?? "") : "";
  return (value < 0 ? "-" : "") + prefix + (verb === "X" ? digits.toUpperCase() : digits);
}

function codePoint(value: number): number {
  return value >= 0 && value <= 0x10ffff ? value : 0xfffd;
}

/** JavaScript writes no more of them. */
const MOST_DIGITS = 100;

function digitsOf(precision = 6): number {
  return Math.min(precision, MOST_DIGITS);
}

function ofFloat(value: number, { verb, precision }: Directive): string | undefined {
  switch (verb) {
    case "f":
    case "F":
      return value.toFixed(digitsOf(precision));
    case "e":
      return exponent(value.toExponential(digitsOf(precision)));
    case "E":
      return exponent(value.toExponential(digitsOf(precision))).toUpperCase();
    case "g":
      return precision === undefined ? textOf(new Float(value)) : general(value, precision);
    case "G":
      return (
        precision === undefined ? textOf(new Float(value)) : general(value, precision)
      ).toUpperCase();
    default:
      return undefined;
  }
}

/** `%.3g`: as many digits, without zeros at the end. */
function general(value: number, precision: number): string {
  const digits = Math.max(1, digitsOf(precision));
  const [mantissa = "", power = "0"] = value.toExponential(digits - 1).split("e");
  if (Number(power) < -4 || Number(power) >= digits) {
    return exponent(`${mantissa.replace(/\.?0+$/, "")}e${power}`);
  }
  return String(Number(value.toPrecision(digits)));
}

function pad(text: string, { flags, width = 0, verb }: Directive): string {
  if (flags.includes("-")) return text + " ".repeat(Math.max(0, width - length(text)));
  const missing = Math.max(0, width - length(text));
  if (!flags.includes("0") || !/[bodxXOeEfFgGtsvq]/.test(verb)) return " ".repeat(missing) + text;
  const [, sign = "", digits = ""] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  return sign + "0".repeat(missing) + digits;
}

function length(text: string): number {
  return Array.from(text).length;
}
