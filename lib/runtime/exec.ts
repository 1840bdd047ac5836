/** One more process in a container that runs: its streams, its end, signals to it. */
import { closeSync } from "node:fs";
import type { Duplex, Readable, Writable } from "node:stream";
import { MarmitaError } from "../errors.ts";
import { type HelperEvent, HelperFailure, type Keeper, spawnWatcher } from "../native/helper.ts";
import { encodePlan, type Plan } from "../native/plan.ts";
import { memoryFile } from "../native/syscalls.ts";
import { onAbort } from "../util/abort.ts";
import { wholeNumber } from "../util/check.ts";
import { hintFor } from "./hints.ts";
import type { ExitStatus } from "./process.ts";
import { destroyAll, openStreams, type StdioOption, type Streams } from "./process-streams.ts";
import { signalName, signalNumber } from "./signals.ts";

export interface ExecProcessOptions {
  /** How its watcher calls itself. */
  readonly title: string;
  readonly plan: Plan;
  readonly stdin: StdioOption;
  readonly stdout: StdioOption;
  readonly stderr: StdioOption;
  /** It goes on without this process; its streams are "ignore". */
  readonly detach: boolean;
  /** The plan has a terminal, and none of the streams is "inherit". */
  readonly hasTerminal: boolean;
  /** A descriptor of the terminal it is shown on, which the caller makes raw. */
  readonly hostTerminal?: number | undefined;
  /** Ends a start that is under way; what runs already is the caller's to end. */
  readonly signal?: AbortSignal | undefined;
}

/** Of `details.exitCode`: as Docker has them. */
const CANNOT_BEGIN = 126;

/**
 * Carry out a plan up to the exec of its command. Throws `CONFLICT` when the container does not
 * run any more, and `START_FAILED` with `details.exitCode` 127 (no such command) or 126 (anything
 * else); then nothing of it is left.
 */
export async function startExecProcess(options: ExecProcessOptions): Promise<ExecProcess> {
  const { title, hasTerminal, hostTerminal, detach, signal } = options;
  const plan = memoryFile(encodePlan(options.plan));
  const opened = openOrClose(options, plan);
  const { streams, fds } = opened;
  try {
    const words = detach ? ["detach"] : [];
    const watcher = spawn({ title, plan, ...fds, words, hostTerminal }, [plan, ...opened.theirs]);
    const events = watcher.events[Symbol.asyncIterator]();
    const pid = await endOnAbort(watcher, signal, started(watcher, events));
    let agree = (): void => undefined;
    const detached = new Promise<void>((resolve) => (agree = resolve));
    const exited = watch(events, () => agree());
    return new ExecProcess(pid, { watcher, streams, hasTerminal, exited, detached });
  } catch (error) {
    destroyAll(streams);
    throw error;
  }
}

function openOrClose(options: ExecProcessOptions, plan: number): ReturnType<typeof openStreams> {
  try {
    return openStreams(options);
  } catch (error) {
    closeSync(plan);
    throw error;
  }
}

function spawn(options: Parameters<typeof spawnWatcher>[0], theirs: readonly number[]): Keeper {
  try {
    return spawnWatcher(options);
  } finally {
    for (const fd of theirs) closeSync(fd);
  }
}

/** A watcher that is killed takes with it what it has begun. */
async function endOnAbort<T>(
  watcher: Keeper,
  signal: AbortSignal | undefined,
  starting: Promise<T>,
): Promise<T> {
  // Not reaped: the pid is its own.
  const unhook = signal && onAbort(signal, () => process.kill(watcher.pid, "SIGKILL"));
  try {
    return await starting;
  } finally {
    unhook?.();
  }
}

async function started(watcher: Keeper, events: AsyncIterator<HelperEvent>): Promise<number> {
  const next = await events.next();
  if (next.done === true) {
    throw new MarmitaError("START_FAILED", "the command's watcher died before it began", {
      step: "watcher",
      details: { exitCode: CANNOT_BEGIN },
    });
  }
  if (next.value.event === "started") return numberOf(next.value, "pid");
  await watcher.ended;
  throw startFailed(new HelperFailure(next.value));
}

function startFailed(failure: HelperFailure): MarmitaError {
  const { step, errno, exitCode = CANNOT_BEGIN } = failure;
  if (errno === "ESRCH") {
    return new MarmitaError("CONFLICT", "the container is not running", { step, cause: failure });
  }
  // No file is missing, but a line in /etc/passwd or /etc/group.
  const isUnknownUser = step === "user" && errno === "ENOENT";
  const message = isUnknownUser ? `${failure.what}: there is none` : failure.message;
  return new MarmitaError("START_FAILED", message, {
    step,
    errno,
    hint: hintFor(failure),
    cause: failure,
    details: { exitCode },
  });
}

/** When the watcher is killed, so is what it watches; and when the container ends. */
async function watch(
  events: AsyncIterator<HelperEvent>,
  onDetached: () => void,
): Promise<ExitStatus> {
  let status: ExitStatus = { exitCode: 137, signal: "SIGKILL" };
  for (let next = await events.next(); next.done !== true; next = await events.next()) {
    const { value: event } = next;
    if (event.event === "detached") onDetached();
    if (event.event !== "exited") continue;
    status = {
      exitCode: numberOf(event, "exitCode"),
      signal: signalName(numberOf(event, "signal")),
    };
  }
  onDetached(); // nobody need wait for that any more
  return status;
}

function numberOf(event: HelperEvent, name: string): number {
  const value = event[name];
  return typeof value === "number" ? value : 0;
}

/** A struct winsize has 16 bits for each. */
const checkSize = wholeNumber("characters", 1, 65_535);

interface Life {
  readonly watcher: Keeper;
  readonly streams: Streams;
  readonly hasTerminal: boolean;
  readonly exited: Promise<ExitStatus>;
  /** The watcher has agreed to that. */
  readonly detached: Promise<void>;
}

/** Belongs to the Node process that started it, and dies with it, unless it is detached. */
export class ExecProcess implements AsyncDisposable {
  /** On this machine. */
  readonly pid: number;
  /**
   * What was not asked to be a pipe is `undefined`. End it to let the process see the end. With a
   * terminal `stdin` and `stdout` are the terminal, and `stderr` is `undefined`.
   */
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  /** With `tty`: what is written is typed, what is shown is read. */
  readonly terminal: Duplex | undefined;
  readonly #watcher: Keeper;
  readonly #streams: Streams;
  readonly #exited: Promise<ExitStatus>;
  readonly #hasTerminal: boolean;
  readonly #detached: Promise<void>;
  #over = false;
  #isDetached = false;

  constructor(pid: number, { watcher, streams, exited, detached, hasTerminal }: Life) {
    this.pid = pid;
    this.stdin = streams.stdin;
    this.stdout = streams.stdout;
    this.stderr = streams.stderr;
    this.terminal = streams.terminal;
    this.#watcher = watcher;
    this.#streams = streams;
    this.#exited = exited;
    this.#detached = detached;
    this.#hasTerminal = hasTerminal;
    void exited.then(() => {
      this.#over = true;
      // Nobody reads any more: whoever waits to write is told so. A terminal is told by its end.
      if (streams.terminal === undefined) streams.stdin?.destroy();
    });
  }

  /**
   * Resolves when the command itself has ended; again and again to the same. What it left behind
   * runs on in the container, and may hold its streams open.
   */
  wait(): Promise<ExitStatus> {
    return this.#exited;
  }

  /** Send a signal to the command itself; to one that ended already nothing happens. */
  kill(signal: NodeJS.Signals | number = "SIGTERM"): void {
    const number = signalNumber(signal);
    if (!this.#over) this.#watcher.send(`signal ${number}`);
  }

  /** Kill the command and all that descends from it; `wait()` tells when all of it is gone. */
  killTree(): void {
    if (!this.#over) this.#watcher.send("end");
  }

  /**
   * Change the size of the terminal; programs inside are told by SIGWINCH. Throws
   * `INVALID_ARGUMENT` for what is no size, and where there is no terminal.
   */
  resize(columns: number, rows: number): void {
    checkSize(columns, "columns");
    checkSize(rows, "rows");
    if (!this.#hasTerminal) {
      throw new MarmitaError("INVALID_ARGUMENT", "a process without a terminal has no size", {
        hint: 'Start it with "tty".',
      });
    }
    if (!this.#over) this.#watcher.send(`resize ${columns} ${rows}`);
  }

  /**
   * Let go of it: it lives on when this process ends, its terminal with nobody at it. Throws
   * `CONFLICT` for one without a terminal, whose streams are this process's own.
   */
  async detach(): Promise<void> {
    if (this.#over || this.#isDetached) return;
    if (!this.#hasTerminal) {
      throw new MarmitaError("CONFLICT", "a command without a terminal cannot be detached", {
        hint: "Start it detached, or with a terminal.",
      });
    }
    this.#watcher.send("detach");
    await this.#detached;
    this.#isDetached = true;
    destroyAll(this.#streams);
    this.#watcher.hold(false);
  }

  /** Kill the command with all that descends from it, wait for its end, and close the streams. One that is detached runs on. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isDetached) return;
    this.killTree();
    try {
      await this.#exited;
    } finally {
      destroyAll(this.#streams);
    }
  }
}
