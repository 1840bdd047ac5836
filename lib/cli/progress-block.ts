/** Lines at the bottom of a terminal that are drawn again and again in their place. */

/** What is needed of a terminal. */
export interface Screen {
  /** As it is now. */
  size(): { readonly columns: number; readonly rows: number };
  write(text: string): void;
}

export interface BlockLine {
  /** The same line has the same key in every drawing. */
  readonly key: string;
  readonly text: string;
  /** It will not change any more: it may go out of reach, up, where others need the room. */
  readonly isFinal: boolean;
}

const UP = (rows: number) => (rows === 0 ? "" : `\x1b[${rows}A`);
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

/** The cursor is always at the start of the line below the block. */
export class ProgressBlock {
  readonly #screen: Screen;
  /** How long the lines are that can be drawn over. */
  #drawn: readonly number[] = [];
  /** Those that are out of reach. */
  readonly #left = new Set<string>();

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** In place of what was drawn before; with more lines than the window has, of the rest how many. */
  draw(lines: readonly BlockLine[]): void {
    const room = Math.max(1, this.#screen.size().rows - 2);
    const within = lines.filter(({ key }) => !this.#left.has(key));
    const leaving = within.filter(({ isFinal }) => isFinal);
    const above = leaving.slice(0, Math.max(0, within.length - room));
    for (const { key } of above) this.#left.add(key);
    const below = within.filter((line) => !above.includes(line));
    const shown = below.length > room ? below.slice(0, Math.max(0, room - 1)) : below;
    const more = below.length - shown.length;
    const rest = more === 0 ? [] : [`... and ${more} more`];
    const texts = [...above, ...shown].map(({ text }) => text);
    this.#write([...texts, ...rest], above.length);
  }

  /** In place of what was drawn before, to stay: the next drawing begins below. */
  leave(lines: readonly BlockLine[]): void {
    const texts = lines.filter(({ key }) => !this.#left.has(key)).map(({ text }) => text);
    this.#write(texts, texts.length);
    this.#left.clear();
  }

  /** Others have written to the terminal: the next drawing begins where the cursor is. */
  forget(): void {
    this.#drawn = [];
  }

  /** The first `leaving` of the lines are not drawn over again. */
  #write(texts: readonly string[], leaving: number): void {
    const { columns } = this.#screen.size();
    const lines = texts.map((text) => narrowed(text, columns - 1));
    // A window that has become narrower has broken what was drawn into more lines.
    const rows = this.#drawn.reduce((sum, length) => sum + Math.ceil(length / columns || 1), 0);
    const drawing = lines.map((line) => `${line}${CLEAR_LINE}\n`).join("");
    this.#screen.write(`\r${UP(rows)}${drawing}${CLEAR_BELOW}`);
    this.#drawn = lines.slice(leaving).map(({ length }) => length);
  }
}

/** What takes one column a sign, and no more than there are. */
function narrowed(text: string, columns: number): string {
  return text.replaceAll(/[^ -~]/gu, "?").slice(0, Math.max(0, columns));
}
