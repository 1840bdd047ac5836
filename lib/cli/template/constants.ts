/** Constants as Go writes them: numbers, characters, quoted strings. */
import { Float } from "./values.ts";

const ESCAPES: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  "\\": 92,
  "'": 39,
  '"': 34,
};
const ESCAPE =
  /\\(?:x([\da-fA-F]{2})|([0-7]{3})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([abfnrtv\\'"])|.)/gsy;

/** `undefined` for what is no number. */
export function numberOf(text: string): number | Float | undefined {
  const [, sign = "", digits = ""] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  const plain = digits.replace(/^0(?=[0-7_]+$)/, "0o").replaceAll("_", "");
  const isHex = /^0[xX]/.test(plain);
  if (isHex && /[.pP]/.test(plain)) return hexFloat(plain, sign);
  if (!/^[\d.]/.test(plain) || plain === ".") return undefined;
  const value = Number(plain);
  if (Number.isNaN(value)) return undefined;
  const signed = sign === "-" ? -value : value;
  if (!isHex && /[.eE]/.test(plain)) return Number.isFinite(value) ? new Float(signed) : undefined;
  return Number.isSafeInteger(value) ? signed : undefined;
}

/** `0x1.8p3` */
function hexFloat(text: string, sign: string): Float | undefined {
  const match = /^0[xX]([\da-fA-F]*)\.?([\da-fA-F]*)[pP]([+-]?\d+)$/.exec(text);
  if (match === null) return undefined;
  const [, whole = "", part = "", power = "0"] = match;
  if (whole + part === "") return undefined;
  const value = Number.parseInt(whole + part, 16) * 2 ** (Number(power) - 4 * part.length);
  return new Float(sign === "-" ? -value : value);
}

/** The code point of `'x'`; `undefined` where it is not one character. */
export function charOf(text: string): number | undefined {
  const inner = unescape(text.slice(1, -1), "'");
  const [char, ...more] = inner ?? "";
  return char === undefined || more.length > 0 ? undefined : char.codePointAt(0);
}

/** What stands between quotes or backquotes; `undefined` for a broken escape. */
export function stringOf(text: string): string | undefined {
  const inner = text.slice(1, -1);
  return text.startsWith("`") ? inner.replaceAll("\r", "") : unescape(inner, '"');
}

function unescape(text: string, quote: string): string | undefined {
  const other = quote === "'" ? '\\"' : "\\'";
  const bytes: Buffer[] = [];
  for (let at = 0; at < text.length;) {
    if (text[at] !== "\\") {
      const next = text.indexOf("\\", at);
      const until = next < 0 ? text.length : next;
      bytes.push(Buffer.from(text.slice(at, until)));
      at = until;
      continue;
    }
    ESCAPE.lastIndex = at;
    const match = ESCAPE.exec(text);
    const byte = match === null || match[0] === other ? undefined : escaped(match);
    if (match === null || byte === undefined) return undefined;
    bytes.push(byte);
    at += match[0].length;
  }
  return Buffer.concat(bytes).toString();
}

function escaped([, hex, octal, short, long, letter]: RegExpExecArray): Buffer | undefined {
  if (hex !== undefined) return Buffer.of(Number.parseInt(hex, 16));
  if (octal !== undefined) {
    const value = Number.parseInt(octal, 8);
    return value > 255 ? undefined : Buffer.of(value);
  }
  const point = short ?? long;
  if (point !== undefined) {
    const value = Number.parseInt(point, 16);
    const isPoint = value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
    return isPoint ? Buffer.from(String.fromCodePoint(value)) : undefined;
  }
  const byte = letter === undefined ? undefined : ESCAPES[letter];
  return byte === undefined ? undefined : Buffer.of(byte);
}
