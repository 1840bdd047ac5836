/** The flag `--format`, of commands that print lists and of those that print JSON. */
import type { Flag } from "./flags.ts";

const MORE = "What templates know: docs/formatting.md";

/** Of a command that prints rows: see listing.ts. */
export const LIST_FORMAT: Flag = {
  name: "format",
  value: "string",
  help: [
    "Format output using a custom template:",
    "'table': columns with headings (default)",
    "'table TEMPLATE': columns made by a Go template",
    "'json': a line of JSON for each",
    "'TEMPLATE': a Go template for each",
    MORE,
  ].join("\n"),
};

/** Of a command that prints JSON anyway. */
export const OBJECT_FORMAT: Flag = {
  name: "format",
  short: "f",
  value: "string",
  help: [
    "Format output using a custom template:",
    "'json': JSON in one line",
    "'TEMPLATE': a Go template",
    MORE,
  ].join("\n"),
};
