/** `--format` of the commands that print lists: a table for people, or JSON. */
import type { Flag, ParsedFlags } from "../cli/flags.ts";
import { MarmitaError } from "../errors.ts";

export const TABLE_FORMAT: Flag = {
  name: "format",
  short: "f",
  value: "format",
  help: '"table" or "json" (default "table")',
};

export function readFormat(flags: ParsedFlags): "table" | "json" {
  return flags.map("format", parseFormat).at(-1) ?? "table";
}

function parseFormat(text: string): "table" | "json" {
  if (text === "table" || text === "json") return text;
  throw new MarmitaError("INVALID_ARGUMENT", 'expected "table" or "json"');
}
