/** How a failure is told on stderr: in one line, with a hint under it, never as a stack. */
import { isMarmitaError } from "../errors.ts";
import { formatUsage, PROGRAM } from "./help.ts";
import type { UsageError } from "./usage.ts";
import { visible } from "./visible.ts";

/** What is printed for `error`. With `debug`, stack and causes too. */
export function formatError(error: unknown, debug = false): string {
  const message = error instanceof Error ? error.message : String(error);
  const lines = [`${PROGRAM}: ${message}`];
  if (isMarmitaError(error) && error.hint !== undefined) lines.push(error.hint);
  if (debug && error instanceof Error) lines.push(...traces(error));
  return `${lines.map(visible).join("\n")}\n`;
}

/** `marmita: warning: no network: …` */
export function formatWarning(message: string): string {
  return `${PROGRAM}: warning: ${visible(message)}\n`;
}

/** 126 or 127 where a command could not be started; undefined where marmita failed otherwise. */
export function exitCodeOf(error: unknown): number | undefined {
  if (!isMarmitaError(error, "START_FAILED")) return undefined;
  const code = error.details["exitCode"];
  return typeof code === "number" ? code : undefined;
}

/** Whether stacks are wanted. */
export function isDebugging(): boolean {
  return (process.env["MARMITA_DEBUG"] ?? "") !== "";
}

/** What is printed when `marmita <path>` was typed wrongly. */
export function formatUsageError(error: UsageError, path: string, usage: string): string {
  const name = [PROGRAM, path].filter((word) => word !== "").join(" ");
  const message = visible(error.message);
  const hint = error.hint === undefined ? [] : [visible(error.hint)];
  if (error.form === "refusal") return `${[`${name}: ${message}`, ...hint].join("\n")}\n`;
  return `${[
    [`${PROGRAM}: ${message}`, ...hint].join("\n"),
    formatUsage(path, usage),
    `Run '${name} --help' for more information`,
  ].join("\n\n")}\n`;
}

function traces(error: Error): string[] {
  const lines: string[] = [];
  let cause: unknown = error;
  while (cause instanceof Error) {
    lines.push(cause.stack ?? cause.message);
    cause = cause.cause;
  }
  return lines;
}
