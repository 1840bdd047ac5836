/** JSON whose whole numbers are all exact: those beyond 2^53 - 1 become bigints. */
import { randomUUID } from "node:crypto";

/** A text, which is passed over, or a number: nothing else in JSON has digits in it. */
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/gs;
/** Where there is none of so many digits nothing needs care. */
const MANY_DIGITS = /\d{16}/;

/** Throws `SyntaxError` as `JSON.parse()` does. */
export function parseExactJson(text: string): unknown {
  if (!MANY_DIGITS.test(text)) return JSON.parse(text);
  JSON.parse(text); // what is no JSON is refused as it stands
  const mark = `${randomUUID()}:`; // that nobody could write
  const marked = text.replaceAll(TOKENS, (token) => {
    return isBig(token) ? JSON.stringify(mark + token) : token;
  });
  return JSON.parse(marked, (_key, value: unknown) => {
    const isMarked = typeof value === "string" && value.startsWith(mark);
    return isMarked ? BigInt(value.slice(mark.length)) : value;
  });
}

function isBig(token: string): boolean {
  return /^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token));
}
