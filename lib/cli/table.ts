/** Columns, aligned as Docker's are. */

const MIN_WIDTH = 10;
const PADDING = 3;

/** Rows under headings. Every line ends with a newline. The last column is not padded. */
export function formatTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  minWidth = MIN_WIDTH,
): string {
  return alignCells([headings, ...rows], minWidth);
}

/** Lines of cells with tabs between them; what follows the last newline is left out. */
export function alignTabs(text: string): string {
  const lines = text.split("\n").slice(0, -1);
  return alignCells(lines.map((line) => line.split("\t")));
}

/** The columns of `top`. */
const WIDE = 20;

export function formatWideTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  return alignCells([headings, ...rows], WIDE);
}

/**
 * A column is as wide as its widest cell in the lines that have it, as far as they follow each
 * other: Go's text/tabwriter. The last cell of a line belongs to no column.
 */
function alignCells(lines: readonly (readonly string[])[], minWidth = MIN_WIDTH): string {
  const widths = lines.map((cells) => cells.map(() => 0));
  const columns = Math.max(0, ...lines.map((cells) => cells.length - 1));
  for (let column = 0; column < columns; column++) {
    for (let start = 0; start < lines.length;) {
      const end = blockEnd(lines, { start, column });
      let widest = minWidth;
      for (let at = start; at < end; at++) {
        widest = Math.max(widest, width(lines[at]?.[column] ?? "") + PADDING);
      }
      for (let at = start; at < end; at++) widths[at]?.splice(column, 1, widest);
      start = Math.max(end, start + 1);
    }
  }
  return lines.map((cells, at) => `${formatLine(cells, widths[at] ?? [])}\n`).join("");
}

/** Behind the last of the lines from `start` on that have the column. */
function blockEnd(
  lines: readonly (readonly string[])[],
  { start, column }: { start: number; column: number },
): number {
  let end = start;
  while (end < lines.length && column < (lines[end]?.length ?? 0) - 1) end++;
  return end;
}

function formatLine(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, column) => {
      const missing = (widths[column] ?? 0) - width(cell);
      return column === cells.length - 1 ? cell : cell + " ".repeat(Math.max(0, missing));
    })
    .join("");
}

/** Code points: names and ids are ASCII, commands hold what people type. */
function width(cell: string): number {
  return Array.from(cell).length;
}

/** The first `limit - 1` characters and `…`, where there are more than `limit`. */
export function truncate(text: string, limit: number): string {
  const characters = Array.from(text);
  return characters.length <= limit ? text : `${characters.slice(0, limit - 1).join("")}…`;
}
