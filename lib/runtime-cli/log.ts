/** The log: lines as runc writes them, which those who start a runtime read. */
import { closeSync, openSync, writeSync } from "node:fs";
import { MarmitaError } from "../errors.ts";
import { isGone, printError } from "../cli/output.ts";
import { visible } from "../cli/visible.ts";
import { errnoWords } from "../util/errno.ts";
import { errnoOf } from "../util/system-error.ts";

export type LogFormat = "text" | "json";
export type LogLevel = "debug" | "warning" | "error";

/** What is told beside the message: `{ hint }`. */
export type LogFields = Readonly<Record<string, string | undefined>>;

export interface LogOptions {
  /** Undefined: standard error. */
  readonly file?: string | undefined;
  readonly format?: LogFormat;
  /** Whether lines of the level `debug` are written. */
  readonly debug?: boolean;
}

/** Names of standard error, as runc's default and others' have it. */
const STDERR = new Set(["", "/dev/stderr", "/dev/fd/2", "/proc/self/fd/2"]);

export class Log {
  readonly format: LogFormat;
  readonly isDebugging: boolean;
  /** Undefined: standard error. */
  readonly #file: string | undefined;

  /** Throws `INVALID_ARGUMENT` when the file cannot be written to. */
  constructor({ file = "", format = "text", debug = false }: LogOptions = {}) {
    this.format = format;
    this.isDebugging = debug;
    this.#file = STDERR.has(file) ? undefined : file;
    if (this.#file !== undefined) closeSync(openLog(this.#file));
  }

  /** Whether people see on standard error what is logged. */
  get isOnStderr(): boolean {
    return this.#file === undefined;
  }

  debug(message: string): void {
    if (this.isDebugging) this.#write("debug", message);
  }

  warn(message: string): void {
    this.#write("warning", message);
  }

  error(message: string, fields: LogFields = {}): void {
    this.#write("error", message, fields);
  }

  #write(level: LogLevel, message: string, fields: LogFields = {}): void {
    const line = formatLine(this.format, { level, message, fields, time: new Date() });
    if (this.#file === undefined) printError(line);
    else append(this.#file, line);
  }
}

interface Line {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
  readonly time: Date;
}

/** One line, whatever is in the message: Go's logrus, by which runc's readers know it. */
export function formatLine(format: LogFormat, { level, message, fields, time }: Line): string {
  const at = time.toISOString().replace(/\.\d+Z$/, "Z");
  const further = Object.entries(fields).filter(([, value]) => value !== undefined);
  const rest = Object.fromEntries(further);
  if (format === "json") return `${JSON.stringify({ ...rest, level, msg: message, time: at })}\n`;
  const pairs = Object.entries({ time: at, level, msg: message, ...rest });
  return `${pairs.map(([name, value]) => `${name}=${quoted(name, value)}`).join(" ")}\n`;
}

function quoted(name: string, value: string | undefined = ""): string {
  return name === "level" ? value : visible(JSON.stringify(value));
}

/** Opened for each line: it may be put aside meanwhile, and a descriptor less is inherited. */
function append(file: string, line: string): void {
  try {
    const fd = openLog(file);
    try {
      writeSync(fd, line);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    // Who cannot be told in the log is told here; nobody else is to fail for it.
    if (!isGone(error)) printError(line);
  }
}

function openLog(file: string): number {
  try {
    return openSync(file, "a", 0o644);
  } catch (cause) {
    const errno = errnoOf(cause);
    const message = `cannot open the log ${file}: ${errnoWords(errno ?? "EIO")}`;
    throw new MarmitaError("INVALID_ARGUMENT", message, {
      cause,
      syscall: "open",
      errno,
      details: { option: "log", path: file },
    });
  }
}
