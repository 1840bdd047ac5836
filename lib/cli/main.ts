/** From arguments to a command, and from what it throws to a message and an exit code. */
import { closest } from "../util/closest.ts";
import type { Command } from "./command.ts";
import { COMMANDS, findCommand, GROUPS } from "./commands.ts";
import { parseFlags, type Grammar, type ParsedFlags } from "./flags.ts";
import { formatCommandHelp, formatGroupHelp, formatProgramHelp, PROGRAM } from "./help.ts";
import { EXIT_UNREAD, OutputUnread, print, printError } from "./output.ts";
import { exitCodeOf, formatError, formatUsageError, isDebugging } from "./report.ts";
import { UsageError } from "./usage.ts";

export const GLOBAL: Grammar = {
  stopsAtFirstArgument: true,
  flags: [
    {
      name: "root",
      value: "string",
      help: "Directory of images and containers (default $MARMITA_ROOT, else ~/.local/share/marmita)",
    },
    { name: "version", short: "v", help: "Print version information and quit" },
  ],
  refused: {
    switches: "debug|D tls tlsverify remote|r noout syslog trace transient-store",
    values: `config context|c host|H log-level|l tlscacert tlscert tlskey cgroup-manager conmon
      connection events-backend hooks-dir identity imagestore module network-cmd-path out runroot
      runtime runtime-flag ssh storage-driver storage-opt tmpdir url volumepath`,
  },
};

/** What the words on the command line came to. */
interface Called {
  /** As it was typed: `container ls`. Empty before a command is known. */
  path: string;
  usage: string;
  failureCode: number;
}

/** Runs the command that `args` name; resolves to the exit code and never rejects. */
export async function main(args: readonly string[]): Promise<number> {
  const called: Called = { path: "", usage: "[OPTIONS] COMMAND", failureCode: 1 };
  try {
    return await dispatch(args, called);
  } catch (error) {
    if (error instanceof OutputUnread) return EXIT_UNREAD;
    if (error instanceof UsageError) {
      printError(formatUsageError(error, called.path, called.usage));
      return error.exitCode;
    }
    printError(formatError(error, isDebugging()));
    return exitCodeOf(error) ?? called.failureCode;
  }
}

async function dispatch(args: readonly string[], called: Called): Promise<number> {
  const global = parseFlags(GLOBAL, args);
  const [first, ...rest] = global.args;
  if (global.has("version")) {
    const { versionLine } = await import("./version.ts");
    print(versionLine());
    return 0;
  }
  if (first === undefined || global.has("help")) return printHelp([], called);
  if (first === "help") return printHelp(rest, called);
  return runCommand(global, called);
}

async function runCommand(global: ParsedFlags, called: Called): Promise<number> {
  const [first = "", second] = global.args;
  const found = findCommand(first, second);
  if (found.kind !== "command") return withoutCommand(found, second, called);

  const { entry, path } = found;
  const command = await entry.load();
  Object.assign(called, { path, usage: command.usage, failureCode: command.failureCode ?? 1 });
  const flags = parseFlags(command, global.args.slice(path.split(" ").length));
  if (flags.has("help")) {
    print(formatCommandHelp({ path, entry, command, columns: process.stdout.columns }));
    return 0;
  }
  checkCount(path, command, flags.args.length);
  const root = global.last("root");
  return command.run({ flags, args: flags.args, engine: root === undefined ? {} : { root } });
}

type NotACommand = Exclude<ReturnType<typeof findCommand>, { kind: "command" }>;

/** A group alone prints its help; every other word is told from a typing mistake. */
function withoutCommand(found: NotACommand, second: string | undefined, called: Called): number {
  if (found.kind === "group") {
    called.path = found.group.name;
    called.usage = "COMMAND";
    const help = second === undefined || second === "--help" || second === "-h";
    if (!help) throw new UsageError(`unknown flag: ${second}`);
    print(formatGroupHelp(found.group, COMMANDS));
    return 0;
  }
  const { path, kind } = found;
  if (kind === "later") {
    printError(`${PROGRAM} ${path} is not there yet\n`);
    return 1;
  }
  const group = GROUPS.find(({ name }) => path.startsWith(`${name} `));
  if (group !== undefined) {
    called.path = group.name;
    called.usage = "COMMAND";
  }
  const [close] = closest(
    path,
    COMMANDS.flatMap(({ names, hidden }) => (hidden === true ? [] : names)),
  );
  throw new UsageError(`unknown command: ${PROGRAM} ${path}`, {
    exitCode: 1,
    hint: close === undefined ? undefined : `Did you mean ${PROGRAM} ${close}?`,
  });
}

/** Docker's words and exit code. */
function checkCount(path: string, command: Command, count: number): void {
  const { min, max = Infinity } = command.arguments;
  if (count >= min && count <= max) return;
  const many = (limit: number) => `${limit} argument${limit === 1 ? "" : "s"}`;
  const needs =
    max === 0
      ? "accepts no arguments"
      : min === max
        ? `requires ${many(min)}`
        : count < min
          ? `requires at least ${many(min)}`
          : `requires at most ${many(max)}`;
  const hint = count > max ? command.tooMany : undefined;
  throw new UsageError(`'${PROGRAM} ${path}' ${needs}`, { exitCode: 1, hint });
}

async function printHelp(topic: readonly string[], called: Called): Promise<number> {
  const columns = process.stdout.columns;
  const [first, second] = topic;
  if (first === undefined) {
    const shown = COMMANDS.filter(({ hidden }) => hidden !== true);
    print(formatProgramHelp({ groups: GROUPS, entries: shown, flags: GLOBAL.flags, columns }));
    return 0;
  }
  const found = findCommand(first, second);
  if (found.kind === "command") {
    const { path, entry } = found;
    print(formatCommandHelp({ path, entry, command: await entry.load(), columns }));
    return 0;
  }
  if (found.kind === "unknown") {
    throw new UsageError(`unknown help topic: ${topic.join(" ")}`, { exitCode: 1 });
  }
  return withoutCommand(found, undefined, called);
}
