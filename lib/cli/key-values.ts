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

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes); // without a mark at its start
  } catch (cause) {
    throw new MarmitaError("INVALID_ARGUMENT", "expected UTF-8", { cause });
  }
}

/**
 * The lines of an `--env-file` or `--label-file`: empty ones and those that start with `#` are
 * left out. Throws `INVALID_ARGUMENT` with the number of the line.
 */
export function parseKeyValueFile(bytes: Uint8Array): KeyValue[] {
  const text = decode(bytes);
  const pairs: KeyValue[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
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

/**
 * Variables for the container; one without a value is taken from `from`, or left out; `NAME*`
 * takes all that start so.
 */
export function environment(
  pairs: readonly KeyValue[],
  from: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const env: [string, string][] = [];
  for (const [key, value] of pairs) {
    if (value === undefined && key.endsWith("*") && !Object.hasOwn(from, key)) {
      env.push(...startingWith(key.slice(0, -1), from));
      continue;
    }
    const found = value ?? from[key];
    if (found !== undefined) env.push([key, found]);
  }
  return Object.fromEntries(env);
}

/** Podman's `-e 'LC_*'`. */
function startingWith(
  start: string,
  from: Readonly<Record<string, string | undefined>>,
): [string, string][] {
  return Object.entries(from).flatMap(([name, value]) => {
    return name.startsWith(start) && value !== undefined ? [[name, value]] : [];
  });
}

/** Labels; one without a value is empty. */
export function labels(pairs: readonly KeyValue[]): Record<string, string> {
  return Object.fromEntries(pairs.map(([key, value]) => [key, value ?? ""]));
}
