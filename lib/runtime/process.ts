/** One running process of a container: its streams, its end, signals to it. */
import { closeSync } from "node:fs";
import { Socket } from "node:net";
import { constants } from "node:os";
import type { Duplex, Readable, Writable } from "node:stream";
import { MarmitaError } from "../errors.ts";
import {
  type HelperEvent,
  HelperFailure,
  type Keeper,
  type KeeperOptions,
  type UserNamespace,
  spawnKeeper,
} from "../native/helper.ts";
import { pipe } from "../native/syscalls.ts";
import { onAbort } from "../util/abort.ts";
import { wholeNumber } from "../util/check.ts";
import { hintFor } from "./hints.ts";
import { type NetworkState, parseNetworkState, publishLoss } from "./network-state.ts";
import { signalName, signalNumber } from "./signals.ts";
import { openTerminal } from "./terminal-stream.ts";

/** How a container's process ended. */
export interface ExitStatus {
  /** As a shell has it: 128 + n after signal n. */
  readonly exitCode: number;
  /** `SIGKILL`, … when a signal ended the process, else `null`. */
  readonly signal: NodeJS.Signals | null;
}

export type StdioOption = "pipe" | "inherit" | "ignore";

export interface ProcessOptions {
  /** How the keeper calls itself. */
  readonly title: string;
  /** Path of the plan to carry out. */
  readonly plan: string;
  readonly namespace: UserNamespace;
  /** Descriptor of the locked file that says the container runs. The keeper gets its own. */
  readonly live: number;
  readonly stdin: StdioOption;
  readonly stdout: StdioOption;
  readonly stderr: StdioOption;
  /** Present: the plan has a terminal, and none of the streams is "inherit". */
  readonly terminal?: TerminalRequest | undefined;
  /** Ends a start that is under way; what runs already is the caller's to kill. */
  readonly signal?: AbortSignal | undefined;
  /** Called when the keeper died without a word; then `wait()` resolves as after a SIGKILL. */
  readonly onLost: () => Promise<void>;
}

export interface TerminalRequest {
  /** Where it is not what the plan says. */
  readonly size?: { readonly columns: number; readonly rows: number } | undefined;
  /** A descriptor of the terminal it is shown on, which the caller makes raw. */
  readonly host?: number | undefined;
}

const KILLED: ExitStatus = { exitCode: 128 + constants.signals.SIGKILL, signal: "SIGKILL" };

/**
 * Carry out a plan up to the exec of its command. Throws `START_FAILED` with
 * `details.exitCode` 127 (no such command), 126 (not executable) or 125 (anything else)
 * when nothing of it is left any more.
 */
export async function startProcess(options: ProcessOptions): Promise<RunningProcess> {
  const { title, plan, namespace, live, signal, terminal, onLost } = options;
  const opened = openStreams(options);
  const { fds, streams } = opened;
  try {
    const keeper = spawn(
      { title, plan, namespace, live, ...fds, ...terminalWords(terminal) },
      opened,
    );
    const events = keeper.events[Symbol.asyncIterator]();
    const { pid, network } = await giveUpOnAbort(keeper, signal, started(keeper, events));
    const connected = { container: title, state: network };
    const exited = watch(events, connected, onLost);
    return new RunningProcess(pid, { keeper, streams, connected, exited });
  } catch (error) {
    destroyAll(streams);
    throw error;
  }
}

function terminalWords({ size, host }: TerminalRequest = {}) {
  const words = size === undefined ? [] : [`size=${size.columns}x${size.rows}`];
  return { words, hostTerminal: host };
}

/** Until its command runs a keeper dies of SIGTERM, and its child with it; then it tidies up. */
async function giveUpOnAbort<T>(
  { pid }: Keeper,
  signal: AbortSignal | undefined,
  starting: Promise<T>,
): Promise<T> {
  // Not reaped: the pid is its own.
  const unhook = signal && onAbort(signal, () => process.kill(pid, "SIGTERM"));
  try {
    return await starting;
  } finally {
    unhook?.();
  }
}

function spawn(options: KeeperOptions, { theirs }: Opened): Keeper {
  try {
    return spawnKeeper(options);
  } finally {
    for (const fd of theirs) closeSync(fd);
  }
}

/** The streams of a process that is to start. */
interface Opened {
  /** What the keeper gets. */
  readonly fds: { readonly stdin: number; readonly stdout: number; readonly stderr: number };
  /** Those of them that are to be closed here once it has them. */
  readonly theirs: readonly number[];
  readonly streams: Streams;
}

function openStreams({ stdin, stdout, stderr, terminal }: ProcessOptions): Opened {
  if (terminal !== undefined) return openTerminalStreams({ stdin, stdout });
  const ends = openEnds(stdin, stdout, stderr);
  const [input, output, errors] = ends;
  return {
    fds: { stdin: input.fd, stdout: output.fd, stderr: errors.fd },
    theirs: theirsOf(ends),
    streams: { stdin: input.stream, stdout: output.stream, stderr: errors.stream },
  };
}

/** One stream for all; where nobody is to read it, it reads itself. */
function openTerminalStreams({ stdin, stdout }: Pick<ProcessOptions, "stdin" | "stdout">): Opened {
  const { input, output, stream } = openTerminal();
  if (stdout === "ignore") stream.resume();
  return {
    fds: { stdin: input, stdout: output, stderr: DEV_NULL },
    theirs: [input, output],
    streams: {
      stdin: stdin === "ignore" ? undefined : stream,
      stdout: stdout === "ignore" ? undefined : stream,
      terminal: stream,
    },
  };
}

function destroyAll(streams: Streams): void {
  for (const stream of Object.values(streams)) stream?.destroy();
}

interface End {
  /** What the container's process gets. */
  readonly fd: number;
  /** Our end of a pipe. */
  readonly stream: Socket | undefined;
}

type Ends = readonly [stdin: End, stdout: End, stderr: End];

function openEnds(stdin: StdioOption, stdout: StdioOption, stderr: StdioOption): Ends {
  const opened: End[] = [];
  const open = (option: StdioOption, standard: 0 | 1 | 2): End => {
    const end = openEnd(option, standard);
    opened.push(end);
    return end;
  };
  try {
    return [open(stdin, 0), open(stdout, 1), open(stderr, 2)];
  } catch (error) {
    for (const fd of theirsOf(opened)) closeSync(fd);
    for (const { stream } of opened) stream?.destroy();
    throw error;
  }
}

function theirsOf(ends: readonly End[]): readonly number[] {
  return ends.flatMap(({ fd, stream }) => (stream === undefined ? [] : [fd]));
}

function openEnd(option: StdioOption, standard: 0 | 1 | 2): End {
  if (option === "inherit") return { fd: standard, stream: undefined };
  if (option === "ignore") return { fd: DEV_NULL, stream: undefined };
  const { read, write } = pipe();
  const isInput = standard === 0;
  const stream = new Socket({
    fd: isInput ? write : read,
    readable: !isInput,
    writable: isInput,
  });
  return { fd: isInput ? read : write, stream };
}

/** How the helper is told to open it by itself. */
const DEV_NULL = -1;

interface Started {
  readonly pid: number;
  readonly network: NetworkState | undefined;
}

async function started(keeper: Keeper, events: AsyncIterator<HelperEvent>): Promise<Started> {
  for (;;) {
    const event = await next(events);
    if (event === undefined) {
      throw new MarmitaError(
        "START_FAILED",
        "the container's keeper died before its command began",
        {
          step: "keeper",
          details: { exitCode: 125 },
        },
      );
    }
    if (event.event === "started") {
      return { pid: numberOf(event, "pid"), network: networkOf(event) };
    }
    if (event.event !== "failed") continue;
    await keeper.ended;
    throw startFailed(new HelperFailure(event));
  }
}

/** `undefined` when the keeper has ended. */
async function next(events: AsyncIterator<HelperEvent>): Promise<HelperEvent | undefined> {
  const result = await events.next();
  return result.done === true ? undefined : result.value;
}

function startFailed(failure: HelperFailure): MarmitaError {
  const { step, errno, exitCode = 125 } = failure;
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

function networkOf({ network, networkLost }: HelperEvent): NetworkState | undefined {
  return parseNetworkState(network, networkLost);
}

/** Changes when the network's helper ends. */
interface Connected {
  readonly container: string;
  state: NetworkState | undefined;
}

async function watch(
  events: AsyncIterator<HelperEvent>,
  connected: Connected,
  onLost: () => Promise<void>,
): Promise<ExitStatus> {
  let status: ExitStatus | undefined;
  let failure: HelperFailure | undefined;
  for (let event = await next(events); event !== undefined; event = await next(events)) {
    if (event.event === "exited") status = exitStatus(event);
    if (event.event === "network") {
      connected.state = networkOf(event);
      publishLoss({ container: connected.container, reason: connected.state?.reason ?? "" });
    }
    if (event.event === "failed") failure = new HelperFailure(event);
  }
  if (status !== undefined) return status;
  await onLost();
  if (failure === undefined) return KILLED;
  const { message, step, errno } = failure;
  throw new MarmitaError("UNAVAILABLE", message, { step, errno, cause: failure });
}

function exitStatus(event: HelperEvent): ExitStatus {
  const signal = signalName(numberOf(event, "signal"));
  return { exitCode: numberOf(event, "exitCode"), signal };
}

function numberOf(event: HelperEvent, name: string): number {
  const value = event[name];
  return typeof value === "number" ? value : 0;
}

interface Streams {
  readonly stdin?: Writable | undefined;
  readonly stdout?: Readable | undefined;
  readonly stderr?: Readable | undefined;
  readonly terminal?: Duplex | undefined;
}

/** A struct winsize has 16 bits for each. */
const checkSize = wholeNumber("characters", 1, 65_535);

interface Life {
  readonly keeper: Keeper;
  readonly streams: Streams;
  readonly connected: Connected;
  readonly exited: Promise<ExitStatus>;
}

/** Belongs to the Node process that started it, and dies with it. */
export class RunningProcess implements AsyncDisposable {
  /** On this machine; inside, it is 1. */
  readonly pid: number;
  /**
   * What was not asked to be a pipe is `undefined`. End it to let the process see the end. With a
   * terminal `stdin` and `stdout` are the terminal, and `stderr` is `undefined`.
   */
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  /**
   * With `tty`: what is written is typed, what is shown is read. Ending it types the end of input
   * (^D) to whoever reads. What is typed when the process has ended goes nowhere.
   */
  readonly terminal: Duplex | undefined;
  readonly #keeper: Keeper;
  readonly #streams: Streams;
  readonly #connected: Connected;
  readonly #exited: Promise<ExitStatus>;
  #over = false;

  constructor(pid: number, life: Life) {
    this.pid = pid;
    this.stdin = life.streams.stdin;
    this.stdout = life.streams.stdout;
    this.stderr = life.streams.stderr;
    this.terminal = life.streams.terminal;
    this.#keeper = life.keeper;
    this.#streams = life.streams;
    this.#connected = life.connected;
    this.#exited = life.exited;
    const over = (): void => {
      this.#over = true;
      // Nobody reads any more: whoever waits to write is told so. A terminal is told by its end.
      if (life.streams.terminal === undefined) life.streams.stdin?.destroy();
    };
    life.exited.then(over, over);
  }

  /** What connects its private network now; `undefined` for another network. */
  get network(): NetworkState | undefined {
    return this.#connected.state;
  }

  /** Resolves when the process and all it left are gone; again and again to the same. */
  wait(): Promise<ExitStatus> {
    return this.#exited;
  }

  /** Send a signal; to a process that ended already nothing happens. */
  kill(signal: NodeJS.Signals | number = "SIGTERM"): void {
    const number = signalNumber(signal);
    if (!this.#over) this.#keeper.send(`signal ${number}`);
  }

  /**
   * Change the size of the terminal; programs inside are told by SIGWINCH. Throws
   * `INVALID_ARGUMENT` for what is no size, and where there is no terminal.
   */
  resize(columns: number, rows: number): void {
    checkSize(columns, "columns");
    checkSize(rows, "rows");
    if (this.terminal === undefined) {
      throw new MarmitaError("INVALID_ARGUMENT", "a process without a terminal has no size", {
        hint: 'Make the container with "tty".',
      });
    }
    if (!this.#over) this.#keeper.send(`resize ${columns} ${rows}`);
  }

  /** Kill what still runs, wait for its end, and close the streams. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    try {
      await this.#exited;
    } finally {
      destroyAll(this.#streams);
    }
  }
}
