/** Checks of what one more command in a container is asked for. */
import { Readable } from "node:stream";
import { MarmitaError } from "../errors.ts";
import {
  abortSignal,
  check,
  type Checks,
  flag,
  oneOf,
  wholeNumber,
  words,
  wrong,
} from "../util/check.ts";
import { CONTAINER_CHECKS } from "./container-checks.ts";
import type { ExecOptions, ExecSettings, StartExecOptions } from "./exec-options.ts";

const TIMER_MAX_MS = 2 ** 31 - 1; // setTimeout() fires at once beyond it

const size = wholeNumber("characters", 1, 65_535); // what a struct winsize holds
const settings: Checks<ExecSettings> = {
  user: CONTAINER_CHECKS.user,
  workdir: CONTAINER_CHECKS.workdir,
  env: CONTAINER_CHECKS.env,
  tty: flag,
  columns: size,
  rows: size,
};
const start: Checks<StartExecOptions> = {
  ...settings,
  stdin: oneOf("pipe", "inherit", "ignore"),
  stdout: oneOf("pipe", "inherit", "ignore"),
  stderr: oneOf("pipe", "inherit", "ignore"),
  hostTerminal: wholeNumber("the number of a descriptor", 0, 2 ** 31 - 1),
  signal: abortSignal,
};
const toEnd: Checks<ExecOptions> = {
  ...settings,
  stdin: oneOf("inherit", "ignore"),
  input,
  stdout: oneOf("capture", "inherit", "ignore"),
  stderr: oneOf("capture", "inherit", "ignore"),
  encoding: oneOf("utf8", "buffer"),
  maxOutputBytes: wholeNumber("bytes", 0, Number.MAX_SAFE_INTEGER),
  timeoutMs: wholeNumber("milliseconds", 1, TIMER_MAX_MS),
  signal: abortSignal,
};

export function checkStartExec(command: readonly string[], options: StartExecOptions): void {
  checkCommand(command);
  check(start, options);
  checkTerminal(options);
}

export function checkExec(command: readonly string[], options: ExecOptions): void {
  checkCommand(command);
  check(toEnd, options);
  if (options.input !== undefined && options.stdin !== undefined) {
    const message = 'options "input" and "stdin" exclude each other';
    throw new MarmitaError("INVALID_ARGUMENT", message, { details: { option: "stdin" } });
  }
  checkTerminal(options);
}

function checkCommand(command: unknown): void {
  words(command, "command");
  if (Array.isArray(command) && command.length > 0) return;
  throw wrong("command", "an array of at least one word", command);
}

function checkTerminal({ tty = false, ...options }: StartExecOptions | ExecOptions): void {
  const names = tty ? (["stdin", "stdout", "stderr"] as const) : (["columns", "rows"] as const);
  for (const name of names) {
    const value = options[name];
    if (tty ? value !== "inherit" : value === undefined) continue;
    const message = tty
      ? `option "${name}" cannot be "inherit" with a terminal: its streams are the terminal's`
      : `option "${name}" is of a terminal: set "tty" too`;
    throw new MarmitaError("INVALID_ARGUMENT", message, { details: { option: name } });
  }
}

function input(value: unknown, name: string): void {
  if (typeof value === "string" || value instanceof Uint8Array || value instanceof Readable) return;
  throw wrong(name, "a string, bytes or a Readable", value);
}
