/** Command line flags in Docker's grammar: `-it`, `-eA=B`, `--rm=false`, `--name x`, `--`. */
import { parseArgs } from "node:util";
import { isMarmitaError } from "../errors.ts";
import { closest } from "../util/closest.ts";
import { notSupported, UsageError } from "./usage.ts";

export interface Flag {
  readonly name: string;
  readonly short?: string;
  /** Another spelling, kept out of the help. */
  readonly also?: string;
  /** The word for its value in the help: `string`, `list`. A switch has none. */
  readonly value?: string;
  readonly help: string;
}

/** Flags of Docker's and Podman's which are not there yet, as words: `detach|d publish-all|P`. */
export interface RefusedFlags {
  readonly switches?: string;
  readonly values?: string;
}

export interface Grammar {
  readonly flags: readonly Flag[];
  readonly refused: RefusedFlags;
  /** What follows the first argument belongs to the command in the container. */
  readonly stopsAtFirstArgument?: boolean;
}

/** One spelling of a flag and what to do when it is met. */
interface Spelling {
  readonly flag: Flag;
  readonly refused: boolean;
}

const HELP: Flag = { name: "help", help: "Print usage" };

/** As Go's strconv.ParseBool, which reads Docker's switches. */
export const SWITCH_VALUES = new Map([
  ...["1", "t", "T", "true", "TRUE", "True"].map((word) => [word, true] as const),
  ...["0", "f", "F", "false", "FALSE", "False"].map((word) => [word, false] as const),
]);

/** What was given: the values of each flag, and the arguments between and after them. */
export class ParsedFlags {
  readonly args: readonly string[];
  readonly #given: ReadonlyMap<Flag, readonly string[]>;

  constructor(args: readonly string[], given: ReadonlyMap<Flag, readonly string[]>) {
    this.args = args;
    this.#given = given;
  }

  /** Whether a switch is on. */
  has(name: string): boolean {
    return this.last(name) === "true";
  }

  /** The last value given. */
  last(name: string): string | undefined {
    return this.all(name).at(-1);
  }

  all(name: string): readonly string[] {
    return this.#find(name)?.[1] ?? [];
  }

  /** Each value through a parser, whose complaint is told with the flag and the value. */
  map<T>(name: string, parse: (value: string) => T): T[] {
    const found = this.#find(name);
    if (found === undefined) return [];
    const [flag, values] = found;
    return values.map((value) => {
      try {
        return parse(value);
      } catch (error) {
        if (isMarmitaError(error, "UNSUPPORTED")) throw notSupported(error.message);
        if (!isMarmitaError(error, "INVALID_ARGUMENT")) throw error;
        throw invalidValue(flag, value, error.message);
      }
    });
  }

  #find(name: string): readonly [Flag, readonly string[]] | undefined {
    for (const entry of this.#given) if (entry[0].name === name) return entry;
    return undefined;
  }
}

/**
 * Reads `args`. Throws `UsageError` for what is unknown, lacks its value, or is Docker's and not
 * there yet. A refused switch that is given as false is what happens anyway, and passes.
 */
export function parseFlags(grammar: Grammar, args: readonly string[]): ParsedFlags {
  const spellings = spellingsOf(grammar);
  const written = args.map((arg) => withLongName(arg, spellings));
  const { tokens } = parseArgs({
    args: written,
    options: optionsOf(spellings),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });

  const given = new Map<Flag, string[]>();
  const rest: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional" || token.kind === "option-terminator") {
      if (token.kind === "positional") rest.push(args[token.index] ?? token.value);
      if (!grammar.stopsAtFirstArgument) continue;
      rest.push(...args.slice(token.index + 1));
      break;
    }
    const { flag, refused } = find(spellings, token.name, args[token.index] ?? token.rawName);
    // The value as it was typed: only what stands before an argument was rewritten.
    const raw = token.inlineValue === false ? args[token.index + 1] : token.value;
    const value = valueOf(flag, token.rawName, raw);
    if (refused && value !== "false") throw notSupported(spelled(flag, token.rawName));
    given.set(flag, [...(given.get(flag) ?? []), value]);
  }
  return new ParsedFlags(rest, given);
}

/** `-d, --detach`, as Docker names a flag in its complaints. */
export function flagLabel(flag: Flag): string {
  return flag.short === undefined ? `--${flag.name}` : `-${flag.short}, --${flag.name}`;
}

function invalidValue(flag: Flag, value: string, why: string): UsageError {
  return new UsageError(
    `invalid argument ${JSON.stringify(value)} for "${flagLabel(flag)}" flag: ${why}`,
  );
}

/** `-t=false` is `--tty=false`; to parseArgs it would be a row of six switches. */
function withLongName(arg: string, spellings: ReadonlyMap<string, Spelling>): string {
  const match = /^-([A-Za-z])=(.*)$/s.exec(arg);
  const flag = match?.[1] === undefined ? undefined : spellings.get(match[1])?.flag;
  return flag === undefined ? arg : `--${flag.name}=${match?.[2] ?? ""}`;
}

function valueOf(flag: Flag, rawName: string, raw: string | undefined): string {
  if (flag.value !== undefined) {
    if (raw !== undefined) return raw;
    const where = rawName.startsWith("--") ? rawName : `'${rawName.slice(1)}' in ${rawName}`;
    throw new UsageError(`flag needs an argument: ${where}`);
  }
  const on = raw === undefined ? true : SWITCH_VALUES.get(raw);
  if (on === undefined) throw invalidValue(flag, raw ?? "", "expected true or false");
  return String(on);
}

function find(spellings: ReadonlyMap<string, Spelling>, name: string, typed: string): Spelling {
  const found = spellings.get(name);
  if (found !== undefined) return found;
  if (!typed.startsWith("--")) {
    throw new UsageError(`unknown shorthand flag: '${name}' in ${typed}`, {
      hint: name.length === 1 && spellings.has(typed.slice(1)) ? meant(`-${typed}`) : undefined,
    });
  }
  const known = [...spellings].flatMap(([word, { refused }]) => (refused ? [] : [word]));
  const [close] = closest(name, known);
  throw new UsageError(`unknown flag: --${name}`, {
    hint: close === undefined ? undefined : meant(`--${close}`),
  });
}

function meant(flag: string): string {
  return `Did you mean ${flag}?`;
}

/** What was typed, and the long name behind a letter. */
function spelled(flag: Flag, rawName: string): string {
  return rawName.startsWith("--") ? rawName : `${rawName} (--${flag.name})`;
}

/** Every spelling: long names and single letters do not clash, for no long name is one letter. */
function spellingsOf(grammar: Grammar): ReadonlyMap<string, Spelling> {
  const { flags, refused } = grammar;
  const spellings = new Map<string, Spelling>();
  const add = (flag: Flag, isRefused: boolean) => {
    for (const name of [flag.name, flag.short, flag.also]) {
      if (name !== undefined) spellings.set(name, { flag, refused: isRefused });
    }
  };
  for (const word of words(refused.switches)) add({ ...word, help: "" }, true);
  for (const word of words(refused.values)) add({ ...word, value: "string", help: "" }, true);
  for (const flag of flags) add(flag, false);
  if (!spellings.has("help")) {
    const short = spellings.has("h") ? {} : { short: "h" };
    add({ ...HELP, ...short }, false);
  }
  return spellings;
}

function words(list = ""): { name: string; short?: string }[] {
  return list
    .split(/\s+/)
    .filter((word) => word !== "")
    .map((word) => {
      const [name = word, short] = word.split("|");
      return short === undefined ? { name } : { name, short };
    });
}

type ParseOptions = Record<string, { type: "string" | "boolean"; short?: string }>;

function optionsOf(spellings: ReadonlyMap<string, Spelling>): ParseOptions {
  const options: ParseOptions = {};
  for (const [name, { flag }] of spellings) {
    // A letter is its own option here, so that a token says which spelling was used.
    const type = flag.value === undefined ? "boolean" : "string";
    if (name.length === 1) options[name] = { type, short: name };
    else options[name] = { type };
  }
  return options;
}
