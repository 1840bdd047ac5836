/** What a terminal shows of what is written to it: as much of one as moving lines need. */
const SEQUENCE_OR_SIGN = new RegExp(`${"\u001b"}\\[\\d*[A-Z]|[^]`, "g");

export class Screen {
  readonly #lines: string[] = [""];
  readonly #rows: number;
  #columns: number;
  #row = 0;
  #column = 0;

  constructor(columns: number, rows: number) {
    this.#columns = columns;
    this.#rows = rows;
  }

  size(): { columns: number; rows: number } {
    return { columns: this.#columns, rows: this.#rows };
  }

  /** All lines, those that went out of the window too; without blanks at their ends. */
  get lines(): readonly string[] {
    const lines = this.#lines.map((line) => line.trimEnd());
    while (lines.at(-1) === "") lines.pop();
    return lines;
  }

  /** A new width, with lines that were too long broken as tmux and most others break them. */
  narrow(columns: number): void {
    this.#columns = columns;
    const broken = this.#lines.flatMap((line) => {
      const parts = line.trimEnd().match(new RegExp(`.{1,${columns}}`, "g"));
      return parts ?? [""];
    });
    this.#lines.splice(0, this.#lines.length, ...broken);
    this.#row = this.#lines.length - 1;
  }

  write(text: string): void {
    for (const [token] of text.matchAll(SEQUENCE_OR_SIGN)) this.#token(token);
  }

  #token(token: string): void {
    const top = Math.max(0, this.#lines.length - this.#rows);
    if (token === "\r") this.#column = 0;
    else if (token === "\n") this.#newLine();
    else if (token === "\x1b[K") this.#set(this.#line.slice(0, this.#column));
    else if (token === "\x1b[J") {
      this.#set(this.#line.slice(0, this.#column));
      // A window keeps its height: what is cleared is empty, not gone.
      this.#lines.fill("", this.#row + 1);
    } else if (token.startsWith("\x1b[") && token.endsWith("A")) {
      this.#row = Math.max(top, this.#row - Number(token.slice(2, -1) || 1));
    } else if (token.length > 1) throw new Error(`unknown sequence ${JSON.stringify(token)}`);
    else {
      if (this.#column === this.#columns) throw new Error("a line is longer than the window");
      this.#set(
        this.#line.padEnd(this.#column).slice(0, this.#column) +
          token +
          this.#line.slice(this.#column + 1),
      );
      this.#column++;
    }
  }

  get #line(): string {
    return this.#lines[this.#row] ?? "";
  }

  #set(line: string): void {
    this.#lines[this.#row] = line;
  }

  #newLine(): void {
    this.#column = 0; // stty onlcr
    this.#row++;
    if (this.#row === this.#lines.length) this.#lines.push("");
  }
}
