/** One running process of a container: its streams, its end, signals to it. */
import { closeSync } from "node:fs";
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
import { onAbort } from "../util/abort.ts";
import { wholeNumber } from "../util/check.ts";
import { hintFor } from "./hints.ts";
import type { NetworkState } from "./network-state.ts";
import { type ExitStatus, Life, networkOf, next, numberOf, watch } from "./process-life.ts";
import {
  destroyAll,
  type Opened,
  openStreams,
  type StdioOption,
  type Streams,
} from "./process-streams.ts";
import { signalNumber } from "./signals.ts";

export type { ExitStatus };

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
  /** It lives on without this process. */
  readonly detach?: boolean | undefined;
  /** What it writes goes through its keeper: to a log, and to all who attach. */
  readonly relay?: boolean | undefined;
  /** Its number: the signal by which it is asked to end. */
  readonly stopSignal?: number | undefined;
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

/**
 * Carry out a plan up to the exec of its command. Throws `START_FAILED` with
 * `details.exitCode` 127 (no such command), 126 (not executable) or 125 (anything else)
 * when nothing of it is left any more.
 */
export async function startProcess(options: ProcessOptions): Promise<RunningProcess> {
  const { title, plan, namespace, live, signal, terminal, detach = false, onLost } = options;
  const { stdin, stdout, stderr } = options;
  const opened = openStreams({ stdin, stdout, stderr, hasTerminal: terminal !== undefined });
  const { fds, streams } = opened;
  try {
    const keeper = spawn(
      {
        title,
        plan,
        namespace,
        live,
        ...fds,
        words: wordsOf(options),
        hostTerminal: terminal?.host,
      },
      opened,
    );
    const events = keeper.events[Symbol.asyncIterator]();
    const { pid, network } = await giveUpOnAbort(keeper, signal, started(keeper, events));
    const connected = { container: title, state: network };
    if (detach) await letGo(keeper);
    const life = new Life(pid, connected, options);
    const exited = watch(events, life, onLost);
    return new RunningProcess({ keeper, streams, life, exited });
  } catch (error) {
    destroyAll(streams);
    throw error;
  }
}

/** native/init/run.c has what they mean. */
function wordsOf({ detach, relay, stdin, terminal }: ProcessOptions): readonly string[] {
  const { size } = terminal ?? {};
  return [
    ...(detach === true ? ["detach"] : []),
    ...(relay === true ? ["relay"] : []),
    ...(stdin === "ignore" ? [] : ["stdin"]),
    ...(size === undefined ? [] : [`size=${size.columns}x${size.rows}`]),
  ];
}

/** What was started here is no parent of the container's: it ends now. */
async function letGo(keeper: Keeper): Promise<void> {
  await keeper.reap();
  keeper.hold(false);
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

/** A struct winsize has 16 bits for each. */
const checkSize = wholeNumber("characters", 1, 65_535);

interface ProcessParts {
  readonly keeper: Keeper;
  readonly streams: Streams;
  readonly life: Life;
  readonly exited: Promise<ExitStatus>;
}

/** Belongs to the Node process that started it, and dies with it, unless it is detached. */
export class RunningProcess implements AsyncDisposable {
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
  readonly #life: Life;
  readonly #exited: Promise<ExitStatus>;
  #over = false;
  #detaching: Promise<void> | undefined;

  constructor({ keeper, streams, life, exited }: ProcessParts) {
    this.stdin = streams.stdin;
    this.stdout = streams.stdout;
    this.stderr = streams.stderr;
    this.terminal = streams.terminal;
    this.#keeper = keeper;
    this.#streams = streams;
    this.#life = life;
    this.#exited = exited;
    const over = (): void => {
      this.#over = true;
      life.agree();
      // Nobody reads any more: whoever waits to write is told so. A terminal is told by its end.
      if (streams.terminal === undefined) streams.stdin?.destroy();
    };
    exited.then(over, over);
  }

  /** On this machine; inside, it is 1. It changes when its keeper starts it again. */
  get pid(): number {
    return this.#life.pid;
  }

  /** What connects its private network now; `undefined` for another network. */
  get network(): NetworkState | undefined {
    return this.#life.connected.state;
  }

  /** It was started with `detach`, or detached since. */
  get isDetached(): boolean {
    return this.#life.isDetached;
  }

  /** What `wait()` resolves to; does not keep this process alive for it. */
  get ended(): Promise<ExitStatus> {
    return this.#exited;
  }

  /**
   * Resolves when the process and all it left are gone; again and again to the same. For a
   * detached one this process stays alive as long. Rejects with `CLOSED` when this one was disposed of, detached.
   */
  wait(): Promise<ExitStatus> {
    this.#keeper.hold(true);
    return this.#exited;
  }

  /**
   * Let it live on without this process: it belongs to its keeper from now on, and its streams
   * here end. One that ended meanwhile has ended. Twice is fine. Throws `CONFLICT` when its streams
   * are this process's own: those of a container with neither a terminal nor a log.
   */
  detach(): Promise<void> {
    this.#detaching ??= this.#detach();
    return this.#detaching;
  }

  async #detach(): Promise<void> {
    const life = this.#life;
    if (this.#over) return;
    if (!life.isRelayed) {
      const { container } = life.connected;
      throw new MarmitaError(
        "CONFLICT",
        `container ${container} cannot be detached: its streams are this process's own`,
        { hint: 'Start it with "detach", or make it with a "log".', details: { container } },
      );
    }
    this.#keeper.hold(true); // until it has answered
    this.#keeper.send("detach");
    await life.detached;
    if (this.#over) return;
    life.isDetached = true;
    destroyAll(this.#streams);
    this.#keeper.hold(false);
  }

  /**
   * Send a signal; to a process that ended already nothing happens. After one that asks for its end,
   * `SIGTERM`, `SIGINT`, `SIGQUIT`, `SIGKILL` or what its container is stopped by, it is not started
   * again, whatever its restart policy.
   */
  kill(signal: NodeJS.Signals | number = "SIGTERM"): void {
    const number = signalNumber(signal);
    const order = this.#life.endings.includes(number) ? "end" : "signal";
    if (!this.#over) this.#keeper.send(`${order} ${number}`);
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

  /** Kill what still runs, wait for its end, and close the streams. One that is detached runs on. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#life.isDetached && !this.#over) {
      this.#life.isForgotten = true;
      this.#keeper.forget();
      destroyAll(this.#streams);
      return;
    }
    this.kill("SIGKILL");
    try {
      await this.#exited;
    } finally {
      destroyAll(this.#streams);
    }
  }
}
