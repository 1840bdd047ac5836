/** Sizes as Docker prints and reads them (docker/go-units). */

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

/** `4.27MB`: powers of 1000 and three significant digits. */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1_000 && unit < UNITS.length - 1) {
    value /= 1_000;
    unit++;
  }
  return `${Number(value.toPrecision(3))}${UNITS[unit]}`;
}

/** `64m`, `1.5GiB`, `4096`: powers of 1024 whatever the unit's spelling; undefined if malformed. */
export function parseMemorySize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?(?:([kmgtp])(?:i?b)?|b)?$/i.exec(text);
  if (match?.[1] === undefined) return undefined;
  const power = " kmgtp".indexOf((match[2] ?? " ").toLowerCase());
  const bytes = Math.trunc(Number(match[1]) * 1_024 ** power);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
