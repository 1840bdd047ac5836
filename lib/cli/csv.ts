/** One line of CSV, as Docker reads `--mount`: a field may stand in quotes, `""` is a quote. */
import { MarmitaError } from "../errors.ts";

/** Throws `INVALID_ARGUMENT` for a quote where none can be. */
export function splitFields(text: string): string[] {
  const fields: string[] = [];
  let rest = text;
  for (;;) {
    const match = /^(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/.exec(rest);
    if (match === null) {
      throw new MarmitaError("INVALID_ARGUMENT", "a quote stands where none can");
    }
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (match[3] === "") return fields;
    rest = rest.slice(match[0].length);
  }
}
