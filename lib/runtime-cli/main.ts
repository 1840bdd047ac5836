/** From arguments to a command, and from what it throws to the log and an exit code. */
import { parseFlags } from "../cli/flags.ts";
import { EXIT_UNREAD, OutputUnread, print } from "../cli/output.ts";
import { UsageError } from "../cli/usage.ts";
import { closest } from "../util/closest.ts";
import type { RuntimeCommand } from "./command.ts";
import { COMMANDS, findEntry, REFUSED } from "./commands.ts";
import { tellFailure } from "./failure.ts";
import { GLOBAL, openLog, readGlobal } from "./global.ts";
import { formatCommandHelp, formatProgramHelp, PROGRAM } from "./help.ts";
import { Log } from "./log.ts";

/** What the words on the command line came to. */
interface Called {
  /** The command's name. Empty before one is known. */
  name: string;
  usage: string;
  failureCode: number;
  log: Log;
}

/** Runs the command that `args` name; resolves to the exit code and never rejects. */
export async function main(args: readonly string[]): Promise<number> {
  const called: Called = {
    name: "",
    usage: "[GLOBAL OPTIONS] COMMAND",
    failureCode: 1,
    log: new Log(),
  };
  try {
    return await dispatch(args, called);
  } catch (error) {
    if (error instanceof OutputUnread) return EXIT_UNREAD;
    tellFailure(error, called);
    // What was typed wrongly is 1 to runc, whatever the command.
    return error instanceof UsageError ? 1 : called.failureCode;
  }
}

async function dispatch(args: readonly string[], called: Called): Promise<number> {
  const flags = parseFlags(GLOBAL, args);
  const [first, ...rest] = flags.args;
  if (flags.has("version")) {
    const { versionText } = await import("./version.ts");
    print(versionText());
    return 0;
  }
  if (first === undefined || flags.has("help") || first === "help") {
    return printHelp(first === "help" ? rest[0] : undefined);
  }
  called.log = openLog(flags);
  const entry = findEntry(first);
  if (entry === undefined) throw unknownCommand(first);
  const command = await entry.load();
  const { usage, failureCode = 1 } = command;
  Object.assign(called, { name: first, usage });
  const given = parseFlags(command, rest);
  if (given.has("help")) return printHelp(first);
  checkCount(first, command, given.args.length);
  const global = readGlobal(flags, called.log);
  called.failureCode = failureCode;
  called.log.debug(`${PROGRAM} ${args.join(" ")}`);
  return command.run({ flags: given, args: given.args, global });
}

/** Not even `--help` of one that is refused succeeds: Podman asks so whether it is there. */
function unknownCommand(name: string): UsageError {
  const why = Object.hasOwn(REFUSED, name) ? REFUSED[name] : undefined;
  if (why !== undefined) {
    return new UsageError(`${name} is not supported: ${why}`, { form: "refusal" });
  }
  const [close] = closest(
    name,
    COMMANDS.map((entry) => entry.name),
  );
  return new UsageError(`unknown command ${name}`, {
    hint: close === undefined ? undefined : `Did you mean ${PROGRAM} ${close}?`,
  });
}

/** runc's words. */
function checkCount(name: string, command: RuntimeCommand, count: number): void {
  const { min, max = Infinity } = command.arguments;
  if (count >= min && count <= max) return;
  const requires =
    min === max
      ? `requires exactly ${min} argument(s)`
      : count < min
        ? `requires a minimum of ${min} argument(s)`
        : `requires a maximum of ${max} argument(s)`;
  throw new UsageError(`${JSON.stringify(name)} ${requires}`);
}

async function printHelp(topic?: string): Promise<number> {
  const { columns } = process.stdout;
  if (topic === undefined) {
    print(formatProgramHelp({ entries: COMMANDS, flags: GLOBAL.flags, columns }));
    return 0;
  }
  const entry = findEntry(topic);
  if (entry === undefined) throw unknownCommand(topic);
  print(formatCommandHelp({ entry, command: await entry.load(), columns }));
  return 0;
}
