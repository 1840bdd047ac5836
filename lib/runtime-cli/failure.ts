/** How a failure is told: a line in the log, and one for people on standard error. */
import { isatty } from "node:tty";
import { isDebugging } from "../cli/report.ts";
import { UsageError } from "../cli/usage.ts";
import { visible } from "../cli/visible.ts";
import { printError } from "../cli/output.ts";
import { isMarmitaError } from "../errors.ts";
import { formatUsage, PROGRAM } from "./help.ts";
import type { Log } from "./log.ts";

const STDERR = 2;

/** What was called when it failed. */
export interface Failed {
  /** The command's name; empty before one is known. */
  readonly name: string;
  readonly usage: string;
  readonly log: Log;
}

/**
 * As runc: where the log is standard error it has the one line; else that has the message, too. A
 * terminal shows it without the time.
 */
export function tellFailure(error: unknown, { name, usage, log }: Failed): void {
  const message = inFlags(visible(error instanceof Error ? error.message : String(error)), name);
  const hint = hintOf(error);
  const isForPeople = isatty(STDERR);
  if (!log.isOnStderr || !isForPeople) {
    log.error(message, { hint, ...(log.isDebugging && { stack: stackOf(error) }) });
  }
  if (!log.isOnStderr || isForPeople) {
    const hints = hint === undefined ? "" : `${hint}\n`;
    printError(`${PROGRAM}: ${message}\n${hints}`);
  }
  if (error instanceof UsageError && error.form === "usage") {
    printError(`\n${formatUsage(name, usage)}\n${moreHelp(name)}\n`);
  } else if (isDebugging() || (log.isDebugging && isForPeople)) {
    printError(`${stackOf(error) ?? ""}\n`);
  }
}

function moreHelp(name: string): string {
  const words = [PROGRAM, name, "--help"].filter((word) => word !== "");
  return `Run '${words.join(" ")}' for more information`;
}

function hintOf(error: unknown): string | undefined {
  const hint = isMarmitaError(error) || error instanceof UsageError ? error.hint : undefined;
  return hint === undefined ? undefined : inFlags(visible(hint), "");
}

/** Options of the library that have another name here. */
const FLAGS: ReadonlyMap<string, string> = new Map([
  ["force", "--force"],
  ["ignorePaused", "--ignore-paused"],
  ["root", "--root"],
  ["consoleSocket", "--console-socket"],
]);

/** In the words of the command line: the library's have its own options, and a config.json. */
export function inFlags(text: string, command: string): string {
  const named = text.replaceAll(
    /`(\w+)`(?: \((?:on the command line: )?--[a-z-]+\))?/g,
    (found, option: string) => FLAGS.get(option) ?? found,
  );
  if (command !== "exec") return named;
  return named
    .replaceAll("config.json: process.apparmorProfile", "process.apparmorProfile (--apparmor)")
    .replaceAll("config.json: process.selinuxLabel", "process.selinuxLabel (--process-label)");
}

/** With those of its causes. */
function stackOf(error: unknown): string | undefined {
  const stacks: string[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    stacks.push(cause.stack ?? cause.message);
  }
  return stacks.length === 0 ? undefined : stacks.join("\n");
}
