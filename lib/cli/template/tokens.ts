/** The tokens of Go's text/template, as far as people write them in `--format`. */

export type TokenKind =
  | "text"
  | "left"
  | "right"
  | "field"
  | "variable"
  | "identifier"
  | "keyword"
  | "dot"
  | "nil"
  | "bool"
  | "char"
  | "number"
  | "string"
  | "pipe"
  | "assign"
  | "declare"
  | "("
  | ")"
  | "other"
  | "space"
  | "end"
  | "error";

export interface Token {
  readonly kind: TokenKind;
  /** As it was written; of an error, its message. */
  readonly text: string;
  /** Where it begins in the source. */
  readonly at: number;
}

const KEYWORDS = new Set("block break continue define else end if range template with".split(" "));
const SPACE = /[ \t\r\n]/;
const WORD = /[\p{L}\p{N}_]/u;
const NUMBER = new RegExp(
  [
    String.raw`[+-]?(?:0[xX][\da-fA-F_]*(?:\.[\da-fA-F_]*)?(?:[pP][+-]?[\d_]*)?`,
    String.raw`0[oO][0-7_]*`,
    String.raw`0[bB][01_]*`,
    String.raw`[\d_]*(?:\.[\d_]*)?(?:[eE][+-]?[\d_]*)?)`,
  ].join("|"),
  "y",
);
const SINGLE: Readonly<Record<string, TokenKind>> = { "|": "pipe", "=": "assign" };

/** All tokens up to the end, or up to the first fault, which is the last token then. */
export function tokenize(source: string): readonly Token[] {
  return new Tokenizer(source).all();
}

class Tokenizer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
  }

  all(): readonly Token[] {
    while (this.#text() && this.#action());
    return this.#tokens;
  }

  /** Text up to the next action; false at the end, or where a comment has no end. */
  #text(): boolean {
    const start = this.#at;
    const found = this.#source.indexOf("{{", start);
    const until = found < 0 ? this.#source.length : found;
    const trims = found >= 0 && this.#isTrim(found + 2);
    const text = this.#source.slice(start, until);
    const kept = trims ? text.replace(/[ \t\r\n]+$/, "") : text;
    if (kept !== "") this.#push("text", kept, start);
    this.#at = until;
    if (found < 0) {
      this.#push("end", "", until);
      return false;
    }
    const inside = found + 2 + (trims ? 2 : 0);
    if (this.#source.startsWith("/*", inside)) return this.#comment(inside);
    this.#push("left", "{{", found);
    this.#at = inside;
    this.#depth = 0;
    return true;
  }

  /** A comment is the whole of its action. */
  #comment(start: number): boolean {
    const end = this.#source.indexOf("*/", start);
    if (end < 0) return this.#fault("unclosed comment", start);
    const right = this.#rightAt(end + 2);
    if (right === undefined) {
      return this.#fault("comment ends before closing delimiter", end + 2);
    }
    this.#at = right.after;
    return this.#text();
  }

  /** What stands between `{{` and `}}`; false where it is not whole. */
  #action(): boolean {
    for (;;) {
      const right = this.#rightAt(this.#at);
      if (right !== undefined) {
        if (this.#depth > 0) return this.#fault("unclosed left paren", this.#at);
        this.#push("right", "}}", this.#at);
        this.#at = right.after;
        return true;
      }
      if (this.#at >= this.#source.length) return this.#fault("unclosed action", this.#at);
      if (!this.#token()) return false;
    }
  }

  #token(): boolean {
    const start = this.#at;
    const char = this.#source[start] ?? "";
    if (SPACE.test(char)) return this.#space(start);
    const single = SINGLE[char];
    if (single !== undefined) return this.#take(single, 1);
    if (char === ":") {
      if (this.#source[start + 1] !== "=") return this.#fault("expected :=", start);
      return this.#take("declare", 2);
    }
    if (char === '"' || char === "'" || char === "`") return this.#quoted(char, start);
    if (char === "$") return this.#named("variable", start);
    if (char === "." && !/\d/.test(this.#source[start + 1] ?? "")) {
      return this.#named("field", start);
    }
    if (/[.\d+-]/.test(char)) return this.#number(start);
    if (WORD.test(this.#pointAt(start))) return this.#named("identifier", start);
    return this.#punctuation(char, start);
  }

  #punctuation(char: string, start: number): boolean {
    if (char === "(") {
      this.#depth++;
      return this.#take("(", 1);
    }
    if (char === ")") {
      this.#depth--;
      if (this.#depth < 0) return this.#fault("unexpected right paren", start);
      return this.#take(")", 1);
    }
    if (/[!-~]/.test(char)) return this.#take("other", 1);
    return this.#fault(
      `unrecognized character in action: ${codePoint(this.#pointAt(start))}`,
      start,
    );
  }

  #space(start: number): boolean {
    let end = start;
    // The blank before `-}}` belongs to it.
    while (SPACE.test(this.#source[end] ?? "") && this.#rightAt(end) === undefined) end++;
    return this.#take("space", end - start);
  }

  #quoted(quote: string, start: number): boolean {
    const kinds = { '"': "quoted string", "'": "character constant", "`": "raw quoted string" };
    const fault = `unterminated ${kinds[quote === '"' || quote === "'" ? quote : "`"]}`;
    for (let at = start + 1; at < this.#source.length; at++) {
      const char = this.#source[at];
      if (char === quote) return this.#take(quote === "'" ? "char" : "string", at + 1 - start);
      if (quote === "`") continue;
      if (char === "\n") break;
      if (char === "\\") at++;
      if (this.#source[at] === "\n") break;
    }
    return this.#fault(fault, start);
  }

  /** `$x`, `.Field`, `word`: followed by what may follow an operand. */
  #named(kind: "variable" | "field" | "identifier", start: number): boolean {
    let end = start + (kind === "identifier" ? 0 : 1);
    while (WORD.test(this.#pointAt(end))) end += this.#pointAt(end).length;
    if (!this.#endsOperand(end)) {
      return this.#fault(`bad character ${codePoint(this.#pointAt(end))}`, start);
    }
    const word = this.#source.slice(start, end);
    return this.#take(kind === "variable" ? kind : kindOf(word), end - start);
  }

  #endsOperand(at: number): boolean {
    if (at >= this.#source.length || /[\s.,|:()]/.test(this.#source[at] ?? "")) return true;
    return this.#rightAt(at) !== undefined;
  }

  #number(start: number): boolean {
    NUMBER.lastIndex = start;
    const length = NUMBER.exec(this.#source)?.[0].length ?? 0;
    const next = this.#pointAt(start + length);
    if (WORD.test(next)) {
      const bad = this.#source.slice(start, start + length) + next;
      return this.#fault(`bad number syntax: ${JSON.stringify(bad)}`, start);
    }
    if (length === 0) return this.#fault('bad number syntax: ""', start);
    return this.#take("number", length);
  }

  /** The end of an action at `at`, with the text that a `-` in it takes away. */
  #rightAt(at: number): { readonly after: number } | undefined {
    if (this.#source.startsWith("}}", at)) return { after: at + 2 };
    if (!SPACE.test(this.#source[at] ?? "") || !this.#source.startsWith("-}}", at + 1)) {
      return undefined;
    }
    let after = at + 4;
    while (SPACE.test(this.#source[after] ?? "")) after++;
    return { after };
  }

  #isTrim(at: number): boolean {
    return this.#source[at] === "-" && SPACE.test(this.#source[at + 1] ?? "");
  }

  #pointAt(at: number): string {
    const point = this.#source.codePointAt(at);
    return point === undefined ? "" : String.fromCodePoint(point);
  }

  #take(kind: TokenKind, length: number): true {
    this.#push(kind, this.#source.slice(this.#at, this.#at + length), this.#at);
    this.#at += length;
    return true;
  }

  #push(kind: TokenKind, text: string, at: number): void {
    this.#tokens.push({ kind, text, at });
  }

  #fault(message: string, at: number): false {
    this.#push("error", message, at);
    return false;
  }
}

function kindOf(word: string): TokenKind {
  if (word === ".") return "dot";
  if (word.startsWith(".")) return "field";
  if (word === "true" || word === "false") return "bool";
  if (word === "nil") return "nil";
  return KEYWORDS.has(word) ? "keyword" : "identifier";
}

/** `U+0023 '#'`, as Go prints a character. */
function codePoint(char: string): string {
  const hex = (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  return /[\p{C}\p{Z}]/u.test(char) && char !== " " ? `U+${hex}` : `U+${hex} '${char}'`;
}
