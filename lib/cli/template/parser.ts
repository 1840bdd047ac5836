/** Tokens → nodes, with the complaints of Go's text/template. */
import { charOf, numberOf, stringOf } from "./constants.ts";
import { positionOf, templateFault } from "./fault.ts";
import { closest } from "../../util/closest.ts";
import { DEEPEST_SOURCE } from "./limits.ts";
import type { Command, Node, Operand, Parsed, Pipe } from "./nodes.ts";
import { quoted, shown } from "./quoted.ts";
import { type Token, type TokenKind, tokenize } from "./tokens.ts";

export interface ParseOptions {
  /** Told in complaints: `version`. */
  readonly name: string;
  /** The functions that there are. */
  readonly functions: ReadonlySet<string>;
}

/** Throws `INVALID_ARGUMENT`. */
export function parse(source: string, options: ParseOptions): Parsed {
  return new Parser(source, options).parse();
}

/** How a list of nodes ended. */
interface Listed {
  readonly nodes: readonly Node[];
  /** `else` still has what follows it up to the end of its action. */
  readonly ended: "end" | "else";
}

const STARTS_OPERAND = new Set<TokenKind>([
  ...(["bool", "char", "dot", "field", "identifier", "number"] as const),
  ...(["nil", "string", "variable", "("] as const),
]);

class Parser {
  readonly #source: string;
  readonly #options: ParseOptions;
  readonly #tokens: readonly Token[];
  readonly #defined = new Map<string, readonly Node[]>();
  #next = 0;
  /** Names of the variables that are there, innermost last. */
  #variables: string[] = ["$"];
  #ranges = 0;
  #depth = 0;

  constructor(source: string, options: ParseOptions) {
    this.#source = source;
    this.#options = options;
    this.#tokens = tokenize(source);
  }

  parse(): Parsed {
    const root: Node[] = [];
    while (this.#peek().kind !== "end") {
      if (this.#isKeyword("define")) {
        this.#define();
        continue;
      }
      const node = this.#node();
      if (node === "end" || node === "else") this.#fail(`unexpected {{${node}}}`);
      root.push(node);
    }
    return { source: this.#source, root, defined: this.#defined };
  }

  /** Whether an action begins with the word. */
  #isKeyword(word: string): boolean {
    if (this.#peek().kind !== "left") return false;
    let next = this.#next + 1;
    if (this.#tokens[next]?.kind === "space") next++;
    const token = this.#tokens[next];
    return token?.kind === "keyword" && token.text === word;
  }

  /** One text or action; `end` and `else` are left to whoever is waiting for them. */
  #node(): Node | "end" | "else" {
    const token = this.#take();
    if (token.kind === "text") return { kind: "text", text: token.text };
    if (token.kind !== "left") this.#unexpected(token, "input");
    const first = this.#takeNonSpace();
    if (first.kind === "keyword") return this.#keyword(first);
    this.#next--;
    const known = this.#variables.length;
    const pipe = this.#pipe("command", "right");
    if (pipe.declared.length === 0) this.#variables.length = known;
    return { kind: "action", pipe };
  }

  #keyword(token: Token): Node | "end" | "else" {
    switch (token.text) {
      case "end":
        this.#expect("right", "end");
        return "end";
      case "else":
        return "else";
      case "if":
      case "with":
      case "range":
        return this.#control(token.text);
      case "break":
      case "continue":
        this.#expect("right", `{{${token.text}}}`);
        if (this.#ranges === 0) this.#fail(`{{${token.text}}} outside {{range}}`);
        return { kind: token.text };
      case "template":
        return this.#template();
      case "block":
        return this.#block();
      default:
        return this.#unexpected(token, "command");
    }
  }

  #control(kind: "if" | "with" | "range"): Node {
    const known = this.#variables.length;
    const pipe = this.#pipe(kind, "right");
    if (kind === "range") this.#ranges++;
    const { nodes: body, ended } = this.#list();
    if (kind === "range") this.#ranges--;
    const otherwise = ended === "end" ? undefined : this.#else(kind);
    this.#variables.length = known;
    return { kind, pipe, body, otherwise };
  }

  /** `{{else}}…{{end}}`, and `{{else if …}}`, which shares its end. */
  #else(kind: string): readonly Node[] {
    const token = this.#takeNonSpace();
    if (token.kind === "keyword" && token.text === kind && kind !== "range") {
      return [this.#deeper(() => this.#control(kind === "if" ? "if" : "with"))];
    }
    if (token.kind === "keyword" && ["if", "with"].includes(token.text)) {
      this.#unexpected(token, "input");
    }
    if (token.kind !== "right") this.#unexpected(token, "else");
    const { nodes, ended } = this.#list();
    if (ended !== "end") this.#fail("expected end; found {{else}}");
    return nodes;
  }

  #list(): Listed {
    const nodes: Node[] = [];
    while (this.#peek().kind !== "end") {
      const node = this.#deeper(() => this.#node());
      if (node === "end" || node === "else") return { nodes, ended: node };
      nodes.push(node);
    }
    return this.#fail("unexpected EOF");
  }

  #deeper<T>(parse: () => T): T {
    if (this.#depth === DEEPEST_SOURCE) this.#fail(`nested more than ${DEEPEST_SOURCE} deep`);
    this.#depth++;
    const parsed = parse();
    this.#depth--;
    return parsed;
  }

  #template(): Node {
    const start = this.#peekNonSpace().at;
    const name = this.#name("template clause");
    const pipe = this.#peekNonSpace().kind === "right" ? undefined : this.#pipe("template clause");
    if (pipe === undefined) this.#takeNonSpace();
    const value = pipe === undefined ? "" : ` ${pipe.source}`;
    const source = `{{template ${quoted(name)}${value}}}`;
    return { kind: "template", name, pipe, at: start, source };
  }

  #block(): Node {
    const start = this.#peekNonSpace().at;
    const name = this.#name("block clause");
    const pipe = this.#pipe("block clause");
    this.#defineAs(name, "block clause");
    return { kind: "template", name, pipe, at: start, source: `{{template ${quoted(name)}}}` };
  }

  #define(): void {
    this.#take();
    this.#takeNonSpace();
    const name = this.#name("define clause");
    this.#expect("right", "define clause");
    this.#defineAs(name, "define clause");
  }

  /** The nodes up to the end of a definition, which sees no variable from outside. */
  #defineAs(name: string, context: string): void {
    const outside = { variables: this.#variables, ranges: this.#ranges };
    this.#variables = ["$"];
    this.#ranges = 0;
    const { nodes, ended } = this.#list();
    if (ended !== "end") this.#fail(`unexpected {{else}} in ${context}`);
    this.#variables = outside.variables;
    this.#ranges = outside.ranges;
    this.#defined.set(name, nodes);
  }

  #name(context: string): string {
    const token = this.#takeNonSpace();
    if (token.kind !== "string") this.#unexpected(token, context);
    return stringOf(token.text) ?? this.#fail("invalid syntax");
  }

  #pipe(context: string, until: "right" | ")" = "right"): Pipe {
    const start = this.#peekNonSpace().at;
    const { declared, assigns } = this.#declarations(context);
    const commands: Command[] = [];
    for (;;) {
      const token = this.#peekNonSpace();
      if (token.kind === until) break;
      if (!STARTS_OPERAND.has(token.kind)) this.#unexpected(this.#takeNonSpace(), context);
      commands.push(this.#command());
    }
    if (commands.length === 0) this.#fail(`missing value for ${context}`);
    for (const [index, { first }] of commands.entries()) {
      if (
        index > 0 &&
        (first.kind === "constant" || first.kind === "dot" || first.kind === "nil")
      ) {
        this.#fail(`non executable command in pipeline stage ${index + 1}`);
      }
    }
    const place = this.#placeFrom(start);
    this.#takeNonSpace();
    return { declared, assigns, commands, isConstant: commands.every(isConstant), ...place };
  }

  /** `$x :=`, `$i, $x :=`, `$x =`. */
  #declarations(context: string): Pick<Pipe, "declared" | "assigns"> {
    const declared: string[] = [];
    for (;;) {
      const before = this.#next;
      const variable = this.#peekNonSpace();
      if (variable.kind !== "variable") break;
      this.#takeNonSpace();
      const follows = this.#peekNonSpace();
      if (follows.kind === "assign" || follows.kind === "declare") {
        this.#takeNonSpace();
        this.#variables.push(variable.text);
        return { declared: [...declared, variable.text], assigns: follows.kind === "assign" };
      }
      if (follows.kind !== "other" || follows.text !== ",") {
        this.#next = before;
        break;
      }
      this.#takeNonSpace();
      this.#variables.push(variable.text);
      declared.push(variable.text);
      if (context !== "range" || declared.length > 1) {
        this.#fail(`too many declarations in ${context}`);
      }
      if (!["variable", "right", ")"].includes(this.#peekNonSpace().kind)) {
        this.#fail("range can only initialize variables");
      }
    }
    return { declared, assigns: false };
  }

  #command(): Command {
    const start = this.#peekNonSpace().at;
    const operands: Operand[] = [];
    let end = start;
    for (;;) {
      const operand = this.#operand();
      if (operand !== undefined) {
        operands.push(operand);
        end = this.#end();
      }
      const token = this.#take();
      if (token.kind === "space") continue;
      if (token.kind === "right" || token.kind === ")") this.#next--;
      else if (token.kind !== "pipe") this.#unexpected(token, "operand");
      break;
    }
    const [first, ...args] = operands;
    if (first === undefined) this.#fail("empty command");
    return { first, args, at: start, source: this.#source.slice(start, end) };
  }

  /** A term and the fields that follow it. */
  #operand(): Operand | undefined {
    const start = this.#peekNonSpace();
    const term = this.#term();
    const path: string[] = [];
    let at = start.at;
    while (term !== undefined && this.#peek().kind === "field") {
      const field = this.#take();
      if (path.length === 0) at = field.at;
      path.push(field.text.slice(1));
    }
    if (term === undefined || path.length === 0) return term;
    const place = { at, source: this.#source.slice(start.at, this.#end()) };
    switch (term.kind) {
      case "field":
      case "variable":
      case "pipe":
        return { ...term, path: [...term.path, ...path], ...place };
      case "dot":
      case "nil":
      case "constant":
      case "function":
        return this.#fail(`unexpected . after term ${JSON.stringify(term.source)}`);
    }
  }

  #term(): Operand | undefined {
    const token = this.#peekNonSpace();
    if (!STARTS_OPERAND.has(token.kind)) return undefined;
    this.#takeNonSpace();
    const { text, at } = token;
    const place = { at, source: text };
    const { kind } = token;
    if (kind === "dot" || kind === "nil") return { kind, ...place };
    if (kind === "field") return { kind, path: [text.slice(1)], ...place };
    if (kind === "identifier") return { kind: "function", name: this.#function(text), ...place };
    if (kind === "variable") {
      if (!this.#variables.includes(text)) this.#fail(`undefined variable ${quoted(text)}`);
      return { kind, name: text, path: [], ...place };
    }
    if (kind === "(") {
      const pipe = this.#deeper(() => this.#pipe("parenthesized pipeline", ")"));
      return { kind: "pipe", pipe, path: [], ...this.#placeFrom(at) };
    }
    return { kind: "constant", value: this.#constant(token), ...place };
  }

  #function(name: string): string {
    if (this.#options.functions.has(name)) return name;
    const [close] = closest(name, [...this.#options.functions]);
    const hint = close === undefined ? undefined : `Did you mean ${close}?`;
    return this.#fail(`function ${quoted(name)} not defined`, hint);
  }

  #constant({ kind, text }: Token): unknown {
    if (kind === "bool") return text === "true";
    if (kind === "string") return stringOf(text) ?? this.#fail("invalid syntax");
    if (kind === "char") {
      if (text === "''") this.#fail("invalid syntax");
      return charOf(text) ?? this.#fail(`malformed character constant: ${text}`);
    }
    return numberOf(text) ?? this.#fail(`illegal number syntax: ${quoted(text)}`);
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? { kind: "end", text: "", at: this.#source.length };
  }

  #peekNonSpace(): Token {
    if (this.#peek().kind === "space") this.#next++;
    return this.#peek();
  }

  #take(): Token {
    const token = this.#peek();
    if (token.kind === "error") this.#fail(token.text);
    this.#next++;
    return token;
  }

  #takeNonSpace(): Token {
    this.#peekNonSpace();
    return this.#take();
  }

  #expect(kind: TokenKind, context: string): void {
    const token = this.#takeNonSpace();
    if (token.kind !== kind) this.#unexpected(token, context);
  }

  #placeFrom(start: number): { at: number; source: string } {
    const end = this.#peek().at;
    return { at: start, source: this.#source.slice(start, end).trim() };
  }

  /** Of what was read last. */
  #end(): number {
    const last = this.#tokens[this.#next - 1];
    return last === undefined ? 0 : last.at + last.text.length;
  }

  #unexpected(token: Token, context: string): never {
    return this.#fail(`unexpected ${shown(token)} in ${context}`);
  }

  /** At the line of what was read last. */
  #fail(message: string, hint?: string): never {
    const at = this.#tokens[Math.max(0, this.#next - 1)]?.at ?? 0;
    const { line } = positionOf(this.#source, at);
    throw templateFault(`${this.#options.name}:${line}`, message, hint);
  }
}

function isConstant({ first, args }: Command): boolean {
  return [first, ...args].every((operand) => {
    if (operand.kind === "pipe") return operand.pipe.isConstant;
    return operand.kind === "constant" || operand.kind === "function" || operand.kind === "nil";
  });
}
