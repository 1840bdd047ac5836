/** Rows under headings, aligned as Docker's tables are. */

const MIN_WIDTH = 10;
const PADDING = 3;

/** Every line ends with a newline. The last column is not padded. */
export function formatTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const lines = [headings, ...rows];
  const widths = headings.map((_, column) =>
    Math.max(MIN_WIDTH, ...lines.map((cells) => width(cells[column] ?? "") + PADDING)),
  );
  return lines.map((cells) => `${formatLine(cells, widths)}\n`).join("");
}

function formatLine(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, column) => {
      const missing = (widths[column] ?? 0) - width(cell);
      return column === cells.length - 1 ? cell : cell + " ".repeat(missing);
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
