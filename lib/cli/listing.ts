/** Lists as Docker prints them: a table, JSON, or whatever a template of `--format` makes of each row. */
import { FUNCTIONS, HEADING_FUNCTIONS } from "./template/functions.ts";
import { Template } from "./template/template.ts";
import { alignTabs } from "./table.ts";
import { visible } from "./visible.ts";

/** What `{{.Name}}` stands for in each row, and in the line of headings. */
export interface Field<Row> {
  readonly heading: string;
  readonly value: (row: Row) => unknown;
}

/** What `{{.Label "key"}}` stands for. */
export interface Method<Row> {
  readonly heading: (argument: string) => string;
  readonly value: (row: Row, argument: string) => unknown;
}

/** What the rows of a command have, and how they are shown unless a format is asked for. */
export interface Listing<Row> {
  /** Told in faults: `image`. */
  readonly name: string;
  readonly fields: Readonly<Record<string, Field<Row>>>;
  readonly methods?: Readonly<Record<string, Method<Row>>>;
  /** Columns with tabs between them: `{{.ID}}\t{{.Size}}`. */
  readonly table: string;
  /** What `raw` stands for, where Docker has it. */
  readonly raw?: string;
}

/**
 * `format` is what `--format` was given: `table`, `table TEMPLATE`, `json`, or a template, in which
 * `\t` and `\n` may be written so. Throws `INVALID_ARGUMENT`: `template parsing error: …`.
 */
export function formatListing<Row>(
  rows: readonly Row[],
  listing: Listing<Row>,
  format = "table",
): string {
  const columns = columnsOf(listing, format);
  if (columns === undefined) return formatLines(rows, listing, templateOf(listing, format));

  const template = new Template(withTabs(columns));
  const heading = template.execute(headings(listing), { functions: HEADING_FUNCTIONS });
  const lines = rows.map((row) => execute(template, listing, { row, shown: cellText }));
  return alignTabs([heading, ...lines].map((line) => `${line}\n`).join(""));
}

/** `undefined` unless a table is asked for. */
function columnsOf<Row>({ table }: Listing<Row>, format: string): string | undefined {
  if (!isTable(format)) return undefined;
  const columns = format.slice("table".length).trim();
  return columns === "" ? table : columns;
}

/** Whether `--format` asks for a table: so does none at all. */
export function isTable(format = "table"): boolean {
  return format === "" || format.startsWith("table");
}

function templateOf<Row>({ raw }: Listing<Row>, format: string): string {
  if (format === "json") return "{{json .}}";
  return format === "raw" ? (raw ?? format) : format;
}

function formatLines<Row>(rows: readonly Row[], listing: Listing<Row>, format: string): string {
  const template = new Template(withTabs(format.replace(/^ +| +$/g, "")));
  return rows.map((row) => `${execute(template, listing, { row, shown: visible })}\n`).join("");
}

function execute<Row>(
  template: Template,
  listing: Listing<Row>,
  { row, shown }: { row: Row; shown: (text: string) => string },
): string {
  const options = { functions: FUNCTIONS, shown, typeName: listing.name };
  return template.execute(structOf(listing, row), options);
}

/** One row has one line. */
function cellText(text: string): string {
  return visible(text).replaceAll(/[\t\n]/g, " ");
}

/** Values are asked for when they are used: some take a look at the disk. */
function structOf<Row>({ fields, methods = {} }: Listing<Row>, row: Row): object {
  const sorted = Object.entries(fields).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries<unknown>([
    ...sorted.map(([name, field]) => [name, () => field.value(row)] as const),
    ...Object.entries(methods).map(([name, method]) => {
      return [name, (argument: unknown) => method.value(row, String(argument))] as const;
    }),
  ]);
}

function headings<Row>({ fields, methods = {} }: Listing<Row>): object {
  return Object.fromEntries<unknown>([
    ...Object.entries(fields).map(([name, { heading }]) => [name, heading] as const),
    ...Object.entries(methods).map(([name, { heading }]) => {
      return [name, (argument: unknown) => heading(String(argument))] as const;
    }),
  ]);
}

/** Outside of actions, where a quoted text has escapes of its own. */
function withTabs(format: string): string {
  return format.replaceAll(/\{\{[^]*?\}\}|\\t|\\n/g, (found) => {
    if (found === "\\t") return "\t";
    return found === "\\n" ? "\n" : found;
  });
}
