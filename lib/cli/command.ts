/** What a command of the command line is, and how it is found. */
import type { Grammar, ParsedFlags } from "./flags.ts";

/** A command in full; loaded only when it is called or its help is asked for. */
export interface Command extends Grammar {
  /** What follows its name in the usage line: `[OPTIONS] IMAGE [COMMAND] [ARG...]`. */
  readonly usage: string;
  /** How many arguments it takes; without `max` there is no limit. */
  readonly arguments: { readonly min: number; readonly max?: number };
  /** Where more than that was given: how it is to be said. */
  readonly tooMany?: string;
  /** Its exit code for a failure of marmita itself. Default: 1. */
  readonly failureCode?: number;
  /** Does the work and resolves to the exit code. */
  run(call: Call): Promise<number>;
}

/** One call of a command. */
export interface Call {
  readonly flags: ParsedFlags;
  readonly args: readonly string[];
  /** What the global flags say of the engine. */
  readonly engine: { readonly root?: string };
}

/** How a command is listed and found. */
export interface Entry {
  /** Every spelling, in the order in which the help lists them. */
  readonly names: readonly string[];
  readonly summary: string;
  /** Left out of the lists of commands. */
  readonly hidden?: boolean;
  readonly load: () => Promise<Command>;
}

/** Commands that share their first word. */
export interface Group {
  readonly name: string;
  readonly summary: string;
}
