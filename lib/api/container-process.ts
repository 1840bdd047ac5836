/** What spawn() returns: a container's process with the properties and events of a ChildProcess. */
import { EventEmitter } from "node:events";
import { PassThrough, type Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { nextTick } from "node:process";
import type { CreateOptions } from "../engine/container-options.ts";
import type { StartOptions } from "../engine/options.ts";
import { MarmitaError, isMarmitaError } from "../errors.ts";
import type { ExitStatus, RunningProcess } from "../runtime/process.ts";
import { signalName, signalNumber } from "../runtime/signals.ts";
import { abortError, onAbort } from "../util/abort.ts";
import { type ApiOptions, engineOf } from "./default-engine.ts";

export interface ContainerProcessOptions {
  readonly engine: ApiOptions;
  readonly create: CreateOptions;
  readonly start: Omit<StartOptions, "signal">;
  readonly killSignal: NodeJS.Signals | number;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
}

/** In the order in which they come: `error` in place of any, or beside, when a start or kill failed. */
export interface ContainerProcessEvents {
  /** The command has begun: `pid` and `id` are there. */
  readonly spawn: [];
  readonly error: [error: Error];
  /** It has ended, and with `remove` its container is gone; its output may not have been read yet. */
  readonly exit: [code: number | null, signal: NodeJS.Signals | null];
  /** That, and all of its output has been read. */
  readonly close: [code: number | null, signal: NodeJS.Signals | null];
}

/** Signals that end nobody who does nothing about them. */
const HARMLESS = new Set<number>(["SIGCHLD", "SIGCONT", "SIGURG", "SIGWINCH"].map(numberOf));
/** What a shell adds to the number of a signal. */
const BY_SIGNAL = 128;
const COULD_NOT_START = 125;

type Streams = readonly [
  stdin: PassThrough | null,
  stdout: PassThrough | null,
  stderr: PassThrough | null,
];

function numberOf(name: string): number {
  return signalNumber(name as NodeJS.Signals);
}

export class ContainerProcess
  extends EventEmitter<ContainerProcessEvents>
  implements AsyncDisposable
{
  /** `null` unless `stdio` says `pipe`. With `tty` what is written is typed. */
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  /** `null` with `tty` too: then all output is in `stdout`. */
  readonly stderr: Readable | null;
  readonly stdio: readonly [Writable | null, Readable | null, Readable | null];
  /** The image. */
  readonly spawnfile: string;
  /** The image, and the words after it. */
  readonly spawnargs: readonly string[];
  readonly #streams: Streams;
  readonly #starting = new AbortController();
  readonly #closed: Promise<void>;
  #id: string | undefined;
  #running: RunningProcess | undefined;
  /** The last signal that was sent, or was to be. */
  #sent: number | undefined;
  #killed = false;
  #isOver = false;
  #exitCode: number | null = null;
  #signalCode: NodeJS.Signals | null = null;

  /** Use `spawn()`. */
  constructor(options: ContainerProcessOptions) {
    super();
    const { create, start } = options;
    const stream = (option: StartOptions["stdin"]) => {
      return option === "pipe" ? new PassThrough() : null;
    };
    const stderr = create.tty === true ? null : stream(start.stderr);
    this.#streams = [stream(start.stdin), stream(start.stdout), stderr];
    [this.stdin, this.stdout, this.stderr] = this.#streams;
    this.stdio = this.#streams;
    this.spawnfile = create.image;
    this.spawnargs = [create.image, ...(create.command ?? [])];
    this.#closed = this.#live(options);
  }

  /** Of the container, as soon as there is one. */
  get id(): string | undefined {
    return this.#id;
  }

  /** On this machine, from `spawn` on. */
  get pid(): number | undefined {
    return this.#running?.pid;
  }

  /**
   * `null` until it ends, and when a signal ended it. Of a command that could not begin 127 when there
   * is none, 126 when it cannot be executed, else 125.
   */
  get exitCode(): number | null {
    return this.#exitCode;
  }

  get signalCode(): NodeJS.Signals | null {
    return this.#signalCode;
  }

  /** `kill()` was called while it was there. */
  get killed(): boolean {
    return this.#killed;
  }

  /**
   * Send a signal, or none with 0; `false` when it has ended. A command that has not begun never will, then: it ends
   * by that signal. Throws `INVALID_ARGUMENT` for what is no signal.
   */
  kill(signal: NodeJS.Signals | number = "SIGTERM"): boolean {
    const number = signal === 0 ? 0 : signalNumber(signal);
    if (this.#isOver) return false;
    this.#killed = true;
    if (number === 0) return true;
    if (this.#running !== undefined) {
      this.#sent = number;
      this.#running.kill(number);
    } else if (!HARMLESS.has(number)) {
      this.#sent ??= number;
      this.#starting.abort();
    }
    return true;
  }

  /** Change the size of its terminal. Throws `INVALID_ARGUMENT` where there is none, or not yet. */
  resize(columns: number, rows: number): void {
    if (this.#running !== undefined) return this.#running.resize(columns, rows);
    throw new MarmitaError("INVALID_ARGUMENT", "a process that has not begun has no terminal", {
      hint: 'Wait for "spawn", or give the size as the options "columns" and "rows".',
    });
  }

  /** Kills it. */
  [Symbol.dispose](): void {
    this.kill("SIGKILL");
  }

  /** Kills it, and waits until nothing of it is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    for (const stream of this.#streams) stream?.destroy();
    await this.#closed;
  }

  async #live(options: ContainerProcessOptions): Promise<void> {
    const { signal, timeoutMs, killSignal } = options;
    const stop = () => this.kill(killSignal);
    const abort = (by: AbortSignal) => {
      if (stop()) this.#tell("error", abortError(by));
    };
    const unhook = signal && onAbort(signal, () => abort(signal));
    let timer: NodeJS.Timeout | undefined;
    try {
      if (signal?.aborted === true) abort(signal);
      const running = await this.#begin(options);
      if (timeoutMs !== undefined) timer = setTimeout(stop, timeoutMs);
      const connected = connect(running, this.#streams);
      this.#end(await running.wait());
      await connected;
    } catch (error) {
      this.#fail(error);
    } finally {
      unhook?.();
      clearTimeout(timer);
    }
    this.#tell("close", this.#exitCode, this.#signalCode);
    await new Promise<void>((resolve) => nextTick(resolve));
  }

  /** From where what a listener throws is nobody's but the caller's. */
  #tell<Name extends keyof ContainerProcessEvents>(
    name: Name,
    ...values: ContainerProcessEvents[Name]
  ): void {
    nextTick(() => (this as EventEmitter).emit(name, ...values));
  }

  async #begin({ engine, create, start }: ContainerProcessOptions): Promise<RunningProcess> {
    const { containers } = await engineOf(engine);
    const { process } = await containers.createAndStart(create, {
      ...start,
      signal: this.#starting.signal,
      onCreated: (id) => (this.#id = id),
    });
    this.#running = process;
    this.#tell("spawn");
    return process;
  }

  #end({ exitCode, signal }: ExitStatus): void {
    // The first process, which passed the signal on, says so as a shell would.
    const isPassedOn = this.#sent !== undefined && exitCode === BY_SIGNAL + this.#sent;
    this.#over(exitCode, signal ?? (isPassedOn ? signalName(this.#sent ?? 0) : null));
    this.#tell("exit", this.#exitCode, this.#signalCode);
  }

  #fail(error: unknown): void {
    const hasBegun = this.#running !== undefined;
    if (!hasBegun && this.#starting.signal.aborted) {
      this.#over(0, signalName(this.#sent ?? 0));
      this.#tell("exit", null, this.#signalCode);
    } else {
      if (!this.#isOver) this.#over(exitCodeIn(error), null);
      this.#tell("error", error instanceof Error ? error : new Error(String(error)));
    }
    const [, ...outputs] = this.#streams;
    for (const stream of outputs) stream?.end();
  }

  #over(exitCode: number, signal: NodeJS.Signals | null): void {
    this.#isOver = true;
    this.#signalCode = signal;
    this.#exitCode = signal === null ? exitCode : null;
    const [stdin, ...outputs] = this.#streams;
    stdin?.destroy();
    for (const stream of outputs) nextTick(readIfNobodyDoes, stream);
  }
}

/** As of a ChildProcess: what nobody reads does not keep it from being closed. */
function readIfNobodyDoes(stream: Readable | null): void {
  if (stream?.readableFlowing === null && !stream.readableDidRead) stream.resume();
}

function exitCodeIn(error: unknown): number {
  const code = isMarmitaError(error) ? error.details["exitCode"] : undefined;
  return typeof code === "number" ? code : COULD_NOT_START;
}

/** Resolves when all output has been read, or nobody will. */
async function connect(running: RunningProcess, [stdin, stdout, stderr]: Streams): Promise<void> {
  if (stdin !== null && running.stdin !== undefined) void feed(stdin, running.stdin);
  await Promise.all([drain(running.stdout, stdout), drain(running.stderr, stderr)]);
}

/** A command that reads no more ends the stream: what is written then goes nowhere. */
async function feed(from: PassThrough, to: Writable): Promise<void> {
  await pipeline(from, to).catch(() => undefined);
  from.destroy();
}

async function drain(from: Readable | undefined, to: PassThrough | null): Promise<void> {
  if (from === undefined || to === null) return;
  const closed = new Promise((resolve) => to.once("close", resolve));
  await pipeline(from, to).catch(() => undefined); // who reads is told by its own stream
  await closed;
}
