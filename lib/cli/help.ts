/** Help texts in the form of Docker's. */
import type { Command, Entry, Group } from "./command.ts";
import type { Flag } from "./flags.ts";

export const PROGRAM = "marmita";

/** Lines are wrapped here unless the terminal says otherwise, as Docker does. */
const WIDTH = 80;

/** `Usage:  marmita run [OPTIONS] IMAGE [COMMAND] [ARG...]`. */
export function formatUsage(path: string, usage: string): string {
  return `Usage:  ${[PROGRAM, path, usage].filter((word) => word !== "").join(" ")}`;
}

export interface HelpOptions {
  /** The width of the terminal. */
  readonly columns?: number | undefined;
}

export interface CommandHelp extends HelpOptions {
  /** The spelling that was asked about: `container ls`. */
  readonly path: string;
  readonly entry: Entry;
  readonly command: Command;
}

/** `--help` of one command. */
export function formatCommandHelp(help: CommandHelp): string {
  const { path, entry, command } = help;
  const names = entry.names.map((name) => `${PROGRAM} ${name}`);
  const blocks = [formatUsage(path, command.usage), entry.summary];
  if (names.length > 1) blocks.push(`Aliases:\n  ${names.join(", ")}`);
  if (command.flags.length > 0) {
    blocks.push(`Options:\n${formatFlags(command.flags, help)}`);
  }
  return `${blocks.join("\n\n")}\n`;
}

/** `marmita image`: its commands. */
export function formatGroupHelp(group: Group, entries: readonly Entry[]): string {
  const commands = entries
    .map((entry): Row | undefined => {
      const name = entry.names.find((each) => each.startsWith(`${group.name} `));
      return name === undefined ? undefined : [name.slice(group.name.length + 1), entry.summary];
    })
    .filter((row) => row !== undefined);
  return `${[
    formatUsage(group.name, "COMMAND"),
    group.summary,
    `Commands:\n${formatRows(commands)}`,
    `Run '${PROGRAM} ${group.name} COMMAND --help' for more information on a command.`,
  ].join("\n\n")}\n`;
}

export interface ProgramHelp extends HelpOptions {
  readonly groups: readonly Group[];
  readonly entries: readonly Entry[];
  readonly flags: readonly Flag[];
}

/** `marmita --help`: the commands that stand alone, by their short names. */
export function formatProgramHelp(help: ProgramHelp): string {
  const { groups, entries, flags } = help;
  const commands = entries
    .map((entry): Row | undefined => {
      const name = entry.names.find((each) => !each.includes(" "));
      return name === undefined ? undefined : [name, entry.summary];
    })
    .filter((row) => row !== undefined);
  return `${[
    formatUsage("", "[OPTIONS] COMMAND"),
    "Containers without a daemon and without root",
    `Commands:\n${formatRows(commands)}`,
    `Management Commands:\n${formatRows(groups.map(({ name, summary }): Row => [name, summary]))}`,
    `Global Options:\n${formatFlags(flags, help)}`,
    `Run '${PROGRAM} COMMAND --help' for more information on a command.`,
  ].join("\n\n")}\n`;
}

type Row = readonly [name: string, text: string];

function formatRows(rows: readonly Row[]): string {
  const width = Math.max(11, ...rows.map(([name]) => name.length + 1));
  return rows.map(([name, text]) => `  ${name.padEnd(width)} ${text}`).join("\n");
}

/** Flags in one column and their meaning in another. */
export function formatFlags(flags: readonly Flag[], options: HelpOptions = {}): string {
  const sorted = flags.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  const names = sorted.map((flag) => {
    const short = flag.short === undefined ? "    " : `-${flag.short}, `;
    const value = flag.value === undefined ? "" : ` ${flag.value}`;
    return `  ${short}--${flag.name}${value}`;
  });
  const indent = Math.max(...names.map((name) => name.length)) + 3;
  const width = (options.columns ?? WIDTH) - 1 - indent;
  return sorted
    .map((flag, index) => {
      const lines = flag.help.split("\n").flatMap((line) => wrap(line, Math.max(24, width)));
      return (names[index] ?? "").padEnd(indent) + lines.join(`\n${" ".repeat(indent)}`);
    })
    .join("\n");
}

/** Lines of no more than so many characters, but for longer words. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
