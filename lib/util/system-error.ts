/** The errno of an error from node:fs or from our own native code. */

/** `ENOENT`, or `undefined` when the error has none. */
export function errnoOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  // Ours call it `errno`; Node's `errno` is a number and its name is in `code`.
  for (const name of [Reflect.get(error, "errno"), Reflect.get(error, "code")]) {
    if (typeof name === "string" && /^E[A-Z0-9]+$/.test(name)) return name;
  }
  return undefined;
}

export function isMissing(error: unknown): boolean {
  return errnoOf(error) === "ENOENT";
}
