/** What callers may ask of one more command in a container, and what they get back. */
import type { ExitStatus } from "../runtime/process.ts";
import type { InputOption } from "../runtime/capture.ts";
import type { CaptureOption, OutputOption, StdinOption, TerminalSizeOptions } from "./options.ts";

/** What is not said here is as the container has it: user, directory, variables. */
export interface ExecSettings extends TerminalSizeOptions {
  /** `user[:group]` by name or number, looked up in the container. */
  readonly user?: string;
  /** Where it starts. It has to be there. */
  readonly workdir?: string;
  /** Beside the container's variables, or in their place. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** It has a terminal of its own: all streams go through it, lines end in `\r\n`. */
  readonly tty?: boolean;
}

/** With `tty` no stream can be `inherit`. */
export interface StartExecOptions extends ExecSettings {
  /** Default: `ignore`. */
  readonly stdin?: StdinOption;
  /** Default: `pipe`. A pipe nobody reads stops the command when it is full. */
  readonly stdout?: OutputOption;
  /** Default: `pipe`. */
  readonly stderr?: OutputOption;
  /**
   * A descriptor of the terminal of this machine on which the command's is shown. The watcher puts
   * back the mode it has now, should this process be killed.
   */
  readonly hostTerminal?: number | undefined;
  /** Kills the command with all that descends from it. */
  readonly signal?: AbortSignal;
}

export interface ExecOptions extends ExecSettings {
  /** Default: `ignore`. Not together with `input`. */
  readonly stdin?: "inherit" | "ignore";
  /** What the command reads from stdin. A stream is destroyed when it stops reading. */
  readonly input?: InputOption;
  /** Default: `capture`. */
  readonly stdout?: CaptureOption;
  /** Default: `capture`. */
  readonly stderr?: CaptureOption;
  /** `buffer` leaves captured output as bytes. Default: `utf8`. */
  readonly encoding?: "utf8" | "buffer";
  /** Most bytes kept of each stream; what comes after is read and dropped. Default: 64 MiB. */
  readonly maxOutputBytes?: number;
  /** After so long the command is killed with all that descends from it: `timedOut`. */
  readonly timeoutMs?: number;
  /** Does the same; `exec` rejects with `AbortError` when all of it is gone. */
  readonly signal?: AbortSignal;
}

export interface ExecResult<Output extends string | Buffer = string> extends ExitStatus {
  /** Empty unless captured. */
  readonly stdout: Output;
  /** Empty unless captured. */
  readonly stderr: Output;
  readonly timedOut: boolean;
  /** Output was longer than `maxOutputBytes`. */
  readonly truncated: boolean;
  /** From the call to the command's end. */
  readonly durationMs: number;
}
