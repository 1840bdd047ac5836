/** A parsed template, carried out over data. */
import { positionOf, templateFault } from "./fault.ts";
import { FunctionFault } from "./function-fault.ts";
import type { Functions, Parameter, TemplateFunction } from "./functions.ts";
import { type Item, itemsOf } from "./items.ts";
import { DEEPEST_BLOCKS, LONGEST_TEXT, MOST_TURNS } from "./limits.ts";
import type { Command, Node, Operand, Parsed, Pipe, Place } from "./nodes.ts";
import { isCallable, isList, isMap, isStruct, isTrue, kindOf, textOf, typeName } from "./values.ts";

export interface EvaluateOptions {
  readonly name: string;
  readonly functions: Functions;
  /** A key that a map lacks is a fault rather than `<no value>`. */
  readonly missingIsFault: boolean;
  /** What the values of the data become on their way out. */
  readonly shown: (text: string) => string;
  /** What the type of `.` is called in faults. */
  readonly typeName?: string | undefined;
}

/** Throws `INVALID_ARGUMENT`. */
export function evaluate(parsed: Parsed, data: unknown, options: EvaluateOptions): string {
  return new Evaluation(parsed, data, options).run();
}

interface Variable {
  readonly name: string;
  value: unknown;
}

/** What `break` and `continue` leave: the loops around them look at it. */
type Outcome = "done" | "break" | "continue";

const NONE: unique symbol = Symbol("no final argument");
class Evaluation {
  readonly #parsed: Parsed;
  readonly #data: unknown;
  readonly #options: EvaluateOptions;
  #variables: Variable[];
  #output = "";
  #depth = 0;
  #turns = 0;

  constructor(parsed: Parsed, data: unknown, options: EvaluateOptions) {
    this.#parsed = parsed;
    this.#data = data;
    this.#options = options;
    this.#variables = [{ name: "$", value: data }];
  }

  run(): string {
    this.#walk(this.#parsed.root, this.#data);
    return this.#output;
  }

  #walk(nodes: readonly Node[], dot: unknown): Outcome {
    for (const node of nodes) {
      const outcome = this.#node(node, dot);
      if (outcome !== "done") return outcome;
    }
    return "done";
  }

  #node(node: Node, dot: unknown): Outcome {
    switch (node.kind) {
      case "text":
        this.#output += node.text;
        return "done";
      case "action":
        this.#print(node.pipe, this.#pipe(node.pipe, dot));
        return "done";
      case "if":
      case "with":
      case "range":
        return this.#deeper(node.pipe, () => this.#scoped(() => this.#control(node, dot)));
      case "template":
        this.#template(node, dot);
        return "done";
      case "break":
      case "continue":
        return node.kind;
    }
  }

  #deeper<T>(place: Place, work: () => T): T {
    if (this.#depth === DEEPEST_BLOCKS) {
      this.#fail(place, `exceeded maximum template depth (${DEEPEST_BLOCKS})`);
    }
    this.#depth++;
    const result = work();
    this.#depth--;
    return result;
  }

  /** Variables made meanwhile are gone afterwards. */
  #scoped<T>(work: () => T): T {
    const known = this.#variables.length;
    const result = work();
    this.#variables.length = known;
    return result;
  }

  #print(pipe: Pipe, value: unknown): void {
    if (pipe.declared.length > 0) return;
    if (isCallable(value)) this.#fail(pipe, `can't print ${pipe.source} of type func()`);
    const text = kindOf(value) === "nothing" ? "<no value>" : textOf(value);
    this.#output += pipe.isConstant ? text : this.#options.shown(text);
    if (this.#output.length > LONGEST_TEXT) this.#fail(pipe, "the text becomes too long");
  }

  #control(node: Extract<Node, { body: readonly Node[] }>, dot: unknown): Outcome {
    const value = this.#pipe(node.pipe, dot);
    if (node.kind === "range") return this.#range(node, value, dot);
    if (isTrue(value)) return this.#walk(node.body, node.kind === "with" ? value : dot);
    return this.#walk(node.otherwise ?? [], dot);
  }

  #range(node: Extract<Node, { body: readonly Node[] }>, value: unknown, dot: unknown): Outcome {
    const items = this.#items(node.pipe, value);
    let isEmpty = true;
    for (const [key, item] of items) {
      isEmpty = false;
      if (++this.#turns > MOST_TURNS) this.#fail(node.pipe, `more than ${MOST_TURNS} turns`);
      const outcome = this.#scoped(() => {
        this.#setLoop(node.pipe, key, item);
        return this.#walk(node.body, item);
      });
      if (outcome === "break") break;
    }
    return isEmpty ? this.#walk(node.otherwise ?? [], dot) : "done";
  }

  #items(pipe: Pipe, value: unknown): Iterable<Item> {
    const [place, text] = [valueOf(pipe), textOf(value)];
    if (kindOf(value) === "int" && pipe.declared.length > 1) {
      this.#fail(place, `can't use ${text} to iterate over more than one variable`);
    }
    return itemsOf(value) ?? this.#fail(place, `range can't iterate over ${text}`);
  }

  /** Of one variable, the item; of two, key and item. */
  #setLoop({ declared, assigns }: Pipe, key: unknown, item: unknown): void {
    const values = declared.length > 1 ? [key, item] : [item];
    for (const [at, name] of declared.entries()) this.#set(name, values[at], assigns);
  }

  #set(name: string, value: unknown, assigns: boolean): void {
    const known = assigns ? this.#variables.findLast((one) => one.name === name) : undefined;
    if (known === undefined) this.#variables.push({ name, value });
    else known.value = value;
  }

  #template(node: Extract<Node, { kind: "template" }>, dot: unknown): void {
    const body = this.#parsed.defined.get(node.name);
    if (body === undefined) {
      this.#fail(node, `template ${JSON.stringify(node.name)} not defined`);
    }
    const value = node.pipe === undefined ? undefined : this.#pipe(node.pipe, dot);
    const outside = this.#variables;
    this.#variables = [{ name: "$", value }];
    this.#deeper(node, () => this.#walk(body, value));
    this.#variables = outside;
  }

  #pipe(pipe: Pipe, dot: unknown): unknown {
    let value: unknown = NONE;
    for (const command of pipe.commands) value = this.#command(command, dot, value);
    const [name] = pipe.declared;
    // Those of a loop are set with each of its turns.
    if (name === undefined) return value;
    if (pipe.assigns && !this.#variables.some((one) => one.name === name)) {
      this.#fail(valueOf(pipe), `undefined variable: ${name}`);
    }
    this.#set(name, value, pipe.assigns);
    return value;
  }

  #command(command: Command, dot: unknown, final: unknown): unknown {
    const { first, args } = command;
    if (first.kind === "function") {
      return this.#call(first.name, { command, dot, final });
    }
    if (first.kind === "nil") this.#fail(command, "nil is not a command");
    const base = this.#base(first, dot);
    if ("path" in first && first.path.length > 0) {
      return this.#fields(first, { base, path: first.path, args, dot, final });
    }
    if (args.length > 0 || final !== NONE) {
      this.#fail(first, `can't give argument to non-function ${first.source}`);
    }
    return base;
  }

  /** What an operand is before the fields that follow it. */
  #base(operand: Operand, dot: unknown): unknown {
    switch (operand.kind) {
      case "dot":
      case "field":
        return dot;
      case "nil":
        return undefined;
      case "constant":
        return operand.value;
      case "variable":
        return this.#variable(operand).value;
      case "pipe":
        return this.#pipe(operand.pipe, dot);
      case "function":
        return this.#call(operand.name, {
          command: { first: operand, args: [], at: operand.at, source: operand.source },
          dot,
          final: NONE,
        });
    }
  }

  /** One that is being declared is known to the parser, but not there yet. */
  #variable(operand: Extract<Operand, { kind: "variable" }>): Variable {
    const found = this.#variables.findLast(({ name }) => name === operand.name);
    return found ?? this.#fail(operand, `undefined variable: ${operand.name}`);
  }

  #argument(operand: Operand, dot: unknown): unknown {
    const base = this.#base(operand, dot);
    if (!("path" in operand) || operand.path.length === 0) return base;
    return this.#fields(operand, { base, path: operand.path, args: [], dot, final: NONE });
  }

  /** The last field may be a method that takes arguments. */
  #fields(place: Place, chain: Chain): unknown {
    let value = chain.base;
    for (const [at, name] of chain.path.entries()) {
      const isLast = at === chain.path.length - 1;
      const isTop = at === 0 && value === this.#data;
      value = this.#field(place, { value, name, isTop, call: isLast ? chain : undefined });
    }
    return value;
  }

  #given({ args, dot, final }: Pick<Chain, "args" | "dot" | "final">): readonly unknown[] {
    const values = args.map((arg) => this.#argument(arg, dot));
    return final === NONE ? values : [...values, final];
  }

  #field(place: Place, field: Field): unknown {
    const { value, name, call } = field;
    const found = this.#member(place, field);
    if (isCallable(found)) {
      const given = call === undefined ? [] : this.#given(call);
      const want = found.length;
      if (given.length === want) return found(...given);
      this.#fail(place, `wrong number of args for ${name}: want ${want} got ${given.length}`);
    }
    if (call !== undefined && (call.args.length > 0 || call.final !== NONE)) {
      const what = isMap(value)
        ? "is not a method but has arguments"
        : "has arguments but cannot be invoked as function";
      this.#fail(place, `${name} ${what}`);
    }
    return found;
  }

  #member(place: Place, { value, name, isTop }: Field): unknown {
    if (isMap(value)) {
      if (!value.has(name) && this.#options.missingIsFault) {
        this.#fail(place, `map has no entry for key ${JSON.stringify(name)}`);
      }
      return value.get(name);
    }
    if (isStruct(value) && Object.hasOwn(value, name)) return Reflect.get(value, name);
    if (kindOf(value) === "nothing") {
      const what = isTop
        ? `nil data; no entry for key ${JSON.stringify(name)}`
        : `nil pointer evaluating interface {}.${name}`;
      this.#fail(place, what);
    }
    const nested = this.#options.missingIsFault ? "interface {}" : typeName(value);
    const type = isTop ? (this.#options.typeName ?? nested) : nested;
    return this.#fail(place, `can't evaluate field ${name} in type ${type}`);
  }

  #call(name: string, { command, dot, final }: Call): unknown {
    const { args } = command;
    const called = this.#options.functions[name];
    if (called === undefined) this.#fail(command, `${JSON.stringify(name)} is not a function`);
    this.#checkCount(command, { name, called, count: args.length + (final === NONE ? 0 : 1) });
    if (name === "and" || name === "or") return this.#shortCircuit(name, { command, dot, final });
    const wanted = (at: number) => called.takes[at] ?? called.rest ?? "any";
    const values = args.map((arg, at) => {
      const value = this.#argument(arg, dot);
      this.#checkType(arg, value, wanted(at));
      return value;
    });
    if (final !== NONE) {
      this.#checkType(command, final, wanted(args.length));
      values.push(final);
    }
    const result = this.#result(command, name, () => called.call(...values));
    if (typeof result === "string" && result.length > LONGEST_TEXT) {
      this.#fail(command, `error calling ${name}: the text becomes too long`);
    }
    return result;
  }

  #result(command: Command, name: string, call: () => unknown): unknown {
    try {
      return call();
    } catch (error) {
      // A text that is longer than any may be.
      const isTooLong = error instanceof RangeError;
      if (!isTooLong && !(error instanceof FunctionFault)) throw error;
      const what = isTooLong ? "the text becomes too long" : error.message;
      return this.#fail(command, `error calling ${name}: ${what}`);
    }
  }

  /** What follows the value that decides is not even looked at. */
  #shortCircuit(name: "and" | "or", { command, dot, final }: Call): unknown {
    let value: unknown;
    for (const arg of command.args) {
      value = this.#argument(arg, dot);
      if (isTrue(value) === (name === "or")) return value;
    }
    return final === NONE ? value : final;
  }

  #checkCount(
    place: Command,
    { name, called, count }: { name: string; called: TemplateFunction; count: number },
  ): void {
    const { takes, rest } = called;
    if (count >= takes.length && (count === takes.length || rest !== undefined)) return;
    const want = rest === undefined ? `${takes.length}` : `at least ${takes.length}`;
    const message = `wrong number of args for ${name}: want ${want} got ${count}`;
    this.#fail(place.first, message);
  }

  #checkType(place: Operand | Place, value: unknown, wanted: Parameter): void {
    if (wanted === "any") return;
    const kind = kindOf(value);
    const goType = wanted === "strings" ? "[]string" : wanted;
    if (wanted === "strings") {
      if (isList(value) && value.every((item) => typeof item === "string")) return;
    } else if (kind === wanted) return;
    const operand = "kind" in place ? place.kind : undefined;
    if (operand === "nil") this.#fail(place, `cannot assign nil to ${goType}`);
    if (kind === "nothing") this.#fail(place, `invalid value; expected ${goType}`);
    if (operand === "constant") {
      if (wanted === "strings") {
        this.#fail(place, `can't handle ${place.source} for arg of type ${goType}`);
      }
      this.#fail(place, `expected ${wanted === "int" ? "integer" : goType}; found ${place.source}`);
    }
    this.#fail(place, `wrong type for value; expected ${goType}; got ${typeName(value)}`);
  }

  #fail(place: Place, message: string): never {
    const { name } = this.#options;
    const { line, column } = positionOf(this.#parsed.source, place.at);
    const where = `executing ${JSON.stringify(name)} at <${place.source}>`;
    throw templateFault(`${name}:${line}:${column}`, `${where}: ${message}`);
  }
}

/** What was evaluated last of it. */
function valueOf(pipe: Pipe): Place {
  return pipe.commands.at(-1)?.first ?? pipe;
}

interface Chain {
  readonly base: unknown;
  readonly path: readonly string[];
  readonly args: readonly Operand[];
  readonly dot: unknown;
  readonly final: unknown;
}

interface Field {
  readonly value: unknown;
  readonly name: string;
  /** It is what the template was called with. */
  readonly isTop: boolean;
  /** Of the last field, what it may be called with. */
  readonly call: Pick<Chain, "args" | "dot" | "final"> | undefined;
}

interface Call {
  readonly command: Command;
  readonly dot: unknown;
  readonly final: unknown;
}
