/** What a command of `marmita-runtime` is, and how it is called. */
import type { CgroupManager } from "../bundles/options.ts";
import type { Grammar, ParsedFlags } from "../cli/flags.ts";
import type { Log } from "./log.ts";

/** A command in full; loaded only when it is called or its help is asked for. */
export interface RuntimeCommand extends Grammar {
  /** What follows its name in the usage line: `[OPTIONS] CONTAINER [SIGNAL]`. */
  readonly usage: string;
  /** What is to be known beyond the summary, as paragraphs. */
  readonly about?: readonly string[];
  readonly arguments: { readonly min: number; readonly max?: number };
  /** Its exit code for a failure of the runtime itself. Default: 1. */
  readonly failureCode?: number;
  /** Does the work and resolves to the exit code. */
  run(call: RuntimeCall): Promise<number>;
}

/** One call of a command. */
export interface RuntimeCall {
  readonly flags: ParsedFlags;
  readonly args: readonly string[];
  readonly global: Global;
}

/** What the global options say. */
export interface Global {
  /** The state directory; the default where undefined. */
  readonly root: string | undefined;
  readonly cgroupManager: CgroupManager | undefined;
  /** Resources that cannot be limited are an error, not a warning. */
  readonly requireResources: boolean;
  readonly log: Log;
}

/** How a command is listed and found. */
export interface RuntimeEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<RuntimeCommand>;
}
