/** A container's process, seen and steered by somebody who attached to it. */
import { constants } from "node:os";
import type { Duplex, Readable, Writable } from "node:stream";
import { MarmitaError } from "../errors.ts";
import type { KeeperConnection } from "../runtime/keeper-socket.ts";
import type { ExitStatus } from "../runtime/process.ts";
import { signalNumber } from "../runtime/signals.ts";
import { joinTerminal } from "../runtime/terminal-stream.ts";
import { abortError, onAbort } from "../util/abort.ts";
import { wholeNumber } from "../util/check.ts";
import type { Subject } from "./subject.ts";

const KILLED: ExitStatus = { exitCode: 128 + constants.signals.SIGKILL, signal: "SIGKILL" };

/** How what we are attached to ends: the first end counts, whether or not it is started again. */
export class AttachedLife {
  readonly ended: Promise<ExitStatus>;
  readonly #subject: Subject;
  #resolve: (exit: ExitStatus) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  isOver = false;

  constructor(subject: Subject) {
    this.#subject = subject;
    this.ended = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.ended.catch(() => undefined); // of interest to who waits
  }

  end({ exitCode, signal }: ExitStatus): void {
    this.isOver = true;
    this.#resolve({ exitCode, signal });
  }

  leave(error: Error): void {
    this.isOver = true;
    this.#reject(error);
  }

  watch(
    control: KeeperConnection,
    signal: AbortSignal | undefined,
    leave: () => Promise<void>,
  ): void {
    const unhook =
      signal &&
      onAbort(signal, () => {
        if (!this.isOver) this.leave(abortError(signal));
        void leave();
      });
    void control.ended.then(async () => {
      unhook?.();
      if (!this.isOver) this.end(await this.#afterKill());
    });
  }

  /** The keeper has ended without a word. */
  async #afterKill(): Promise<ExitStatus> {
    const state = await this.#subject.state().catch(() => undefined); // removed
    return state?.exitCode === undefined ? KILLED : { ...KILLED, exitCode: state.exitCode };
  }
}

export interface AttachedParts {
  readonly pid: number;
  readonly life: AttachedLife;
  readonly connections: readonly [KeeperConnection, ...KeeperConnection[]];
  readonly streams: {
    readonly stdin?: Writable;
    readonly stdout?: Readable;
    readonly stderr?: Readable;
  };
  /** Then there is a stdout. */
  readonly hasTerminal: boolean;
  /** Whether anybody is to have it. */
  readonly isShown: boolean;
  readonly onDetach: () => void;
}

const checkSize = wholeNumber("characters", 1, 65_535);

/** Belongs to its keeper: it runs on when this is disposed of, or this process ends. */
export class AttachedProcess implements AsyncDisposable {
  /** On this machine; inside, it is 1. */
  readonly pid: number;
  /** As in `RunningProcess`: `undefined` for what was not asked for. */
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  /** With `tty`: what is written is typed, what is shown from now on is read. */
  readonly terminal: Duplex | undefined;
  readonly #parts: AttachedParts;
  #isLeft = false;

  /** Use `container.attach()`. */
  constructor(parts: AttachedParts) {
    const { streams, hasTerminal, isShown } = parts;
    const { stdin, stdout, stderr } = streams;
    this.pid = parts.pid;
    this.#parts = parts;
    const terminal = hasTerminal && stdout ? joinTerminal(stdin, stdout) : undefined;
    this.terminal = terminal;
    this.stdin = stdin && (terminal ?? stdin);
    this.stdout = isShown ? (terminal ?? stdout) : undefined;
    this.stderr = terminal === undefined ? stderr : undefined;
    if (!isShown) terminal?.resume();
  }

  /**
   * Resolves when the process has ended, though its policy may have it started again. Rejects with
   * `CLOSED` when this was left before.
   */
  wait(): Promise<ExitStatus> {
    return this.#parts.life.ended;
  }

  /** Send a signal; to a process that ended already nothing happens. */
  kill(signal: NodeJS.Signals | number = "SIGTERM"): void {
    this.#order(`signal ${signalNumber(signal)}`);
  }

  /**
   * Change the size of the terminal; programs inside are told by SIGWINCH. Throws
   * `INVALID_ARGUMENT` for what is no size, and where there is no terminal.
   */
  resize(columns: number, rows: number): void {
    checkSize(columns, "columns");
    checkSize(rows, "rows");
    if (!this.#parts.hasTerminal) {
      throw new MarmitaError("INVALID_ARGUMENT", "a process without a terminal has no size", {
        hint: 'Make the container with "tty".',
      });
    }
    this.#order(`resize ${columns} ${rows}`);
  }

  /** Leave: the process runs on, the streams here end. Twice is fine. */
  async detach(): Promise<void> {
    if (this.#isLeft) return;
    this.#isLeft = true;
    const { life, connections, onDetach } = this.#parts;
    if (!life.isOver) {
      life.leave(new MarmitaError("CLOSED", "the container was left before it ended"));
      onDetach();
    }
    for (const stream of [this.stdin, this.stdout, this.stderr, this.terminal]) stream?.destroy();
    for (const connection of connections) connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.detach();
  }

  #order(words: string): void {
    this.#parts.connections[0].order(words).catch(() => undefined); // as of one that has ended
  }
}
