/** Help texts of `marmita-runtime`. */
import type { Flag } from "../cli/flags.ts";
import { formatFlags, type HelpOptions, wrap } from "../cli/help.ts";
import type { RuntimeCommand, RuntimeEntry } from "./command.ts";

export const PROGRAM = "marmita-runtime";

const ABOUT = [
  "Runs OCI bundles (runtime-spec 1.2): directories with a config.json and a root file system. " +
    "Made to be called by Podman, containerd and the like, with the commands and options of runc.",
];

/** `Usage:  marmita-runtime kill [OPTIONS] CONTAINER [SIGNAL]`. */
export function formatUsage(name: string, usage: string): string {
  const words = [PROGRAM, name, usage];
  return `Usage:  ${words.filter((word) => word !== "").join(" ")}`;
}

export interface CommandHelp extends HelpOptions {
  readonly entry: RuntimeEntry;
  readonly command: RuntimeCommand;
}

/** `--help` of one command. */
export function formatCommandHelp(help: CommandHelp): string {
  const { entry, command } = help;
  const blocks = [
    formatUsage(entry.name, command.usage),
    entry.summary,
    ...paragraphs(command.about),
  ];
  if (command.flags.length > 0) blocks.push(`Options:\n${formatFlags(command.flags, help)}`);
  return `${blocks.join("\n\n")}\n`;
}

const WIDTH = 80;

function paragraphs(about: readonly string[] = []): readonly string[] {
  return about.map((text) => wrap(text, WIDTH).join("\n"));
}

export interface ProgramHelp extends HelpOptions {
  readonly entries: readonly RuntimeEntry[];
  readonly flags: readonly Flag[];
}

/** `marmita-runtime --help`. */
export function formatProgramHelp(help: ProgramHelp): string {
  const width = Math.max(...help.entries.map(({ name }) => name.length)) + 2;
  const commands = help.entries.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`);
  return `${[
    formatUsage("", "[GLOBAL OPTIONS] COMMAND"),
    ...paragraphs(ABOUT),
    `Commands:\n${commands.join("\n")}`,
    `Global Options:\n${formatFlags(help.flags, help)}`,
    `Run '${PROGRAM} COMMAND --help' for more information on a command.`,
  ].join("\n\n")}\n`;
}
