/** `-e` and `-l`, and the files of them: KEY=VALUE and KEY alone. */
import { MarmitaError } from "../errors.ts";

/** A key and its value; undefined where only the key was given. */
export type KeyValue = readonly [key: string, value: string | undefined];

/** `KEY=VALUE` or `KEY`. Throws `INVALID_ARGUMENT` where the key is empty. */
export function parseKeyValue(text: string): KeyValue {
  const equals = text.indexOf("=");
  const key = equals < 0 ? text : text.slice(0, equals);
  if (key === "") throw new MarmitaError("INVALID_ARGUMENT", `expected KEY=VALUE, got '${text}'`);
  return [key, equals < 0 ? undefined : text.slice(equals + 1)];
}

/**
 * The lines of an `--env-file` or `--label-file`: empty ones and those that start with `#` are
 * left out. Throws `INVALID_ARGUMENT` with the number of the line.
 */
export function parseKeyValueFile(text: string): KeyValue[] {
  const pairs: KeyValue[] = [];
  for (const [index, line] of text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    const trimmed = line.trimStart();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    const [key, value] = parseKeyValue(trimmed);
    if (/\s/.test(key)) {
      throw new MarmitaError("INVALID_ARGUMENT", `line ${index + 1}: '${key}' contains whitespace`);
    }
    pairs.push([key, value]);
  }
  return pairs;
}

/** Variables for the container; one without a value is taken from `from`, or left out. */
export function environment(
  pairs: readonly KeyValue[],
  from: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const env: [string, string][] = [];
  for (const [key, value] of pairs) {
    const found = value ?? from[key];
    if (found !== undefined) env.push([key, found]);
  }
  return Object.fromEntries(env);
}

/** Labels; one without a value is empty. */
export function labels(pairs: readonly KeyValue[]): Record<string, string> {
  return Object.fromEntries(pairs.map(([key, value]) => [key, value ?? ""]));
}
