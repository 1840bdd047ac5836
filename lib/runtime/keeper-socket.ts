/** Talks to the keeper of a container that runs, over the socket in its directory, from anywhere. */
import { closeSync, constants, openSync } from "node:fs";
import { Socket } from "node:net";
import { basename, dirname } from "node:path";
import { Readable, Writable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { MarmitaError, isMarmitaError } from "../errors.ts";
import { type HelperEvent, HelperFailure } from "../native/helper.ts";
import { abortError, onAbort, throwIfAborted } from "../util/abort.ts";
import { isJsonObject, parseJson } from "../util/json.ts";
import { errnoOf, isMissing } from "../util/system-error.ts";
import { FRAME, FrameDecoder, type FrameType, MAX_PAYLOAD_BYTES, encodeFrame } from "./frames.ts";
import type { ExitStatus } from "./process.ts";
import { signalName } from "./signals.ts";

/** What a keeper says of its container to whoever comes. */
export interface KeeperHello {
  /** Of the container's first process, as this machine counts; 0 while it is not running. */
  readonly pid: number;
  readonly startedAt: string;
  readonly tty: boolean;
  /** Its stdin can be written to. */
  readonly openStdin: boolean;
  /** It has ended and will be started again. */
  readonly restarting: boolean;
}

/** How a container ended for good. Times are RFC 3339. */
export interface KeeperExit extends ExitStatus {
  readonly startedAt?: string;
  readonly finishedAt?: string;
}

export interface ConnectOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told every event but the answers to orders, from the one after `hello` on. */
  readonly onEvent?: ((event: HelperEvent) => void) | undefined;
}

/** Which streams of the container; those left out stay as they are. */
export interface AttachWords {
  readonly stdin?: boolean | undefined;
  readonly stdout?: boolean | undefined;
  readonly stderr?: boolean | undefined;
  /** When we leave, the container's stdin ends. */
  readonly once?: boolean | undefined;
}

/** Present for what was asked for. Whoever does not read stops the container's process. */
export interface AttachedStreams {
  /** With `once`, its end is the end of the container's stdin. */
  readonly stdin?: Writable;
  readonly stdout?: Readable;
  readonly stderr?: Readable;
}

/**
 * `undefined` when nobody listens at `path`: it does not run, or its keeper could not make the
 * socket. What comes over the connection is trusted as far as the directory that it lies in.
 */
export async function connectKeeper(
  path: string,
  options: ConnectOptions = {},
): Promise<KeeperConnection | undefined> {
  const { signal, onEvent } = options;
  throwIfAborted(signal);
  for (;;) {
    try {
      const socket = await connect(path);
      const connection = new KeeperConnection(socket, onEvent);
      const unhook = signal && onAbort(signal, () => connection.close());
      if (signal?.aborted === true) connection.close(); // while it was made
      const hello = await connection.greeted;
      unhook?.();
      if (signal?.aborted === true) throw abortError(signal);
      if (hello) return connection;
      return undefined;
    } catch (error) {
      const errno = errnoOf(error);
      if (isMissing(error) || errno === "ECONNREFUSED" || errno === "ECONNRESET") return undefined;
      if (errno !== "EAGAIN") throw error;
      await pause(BUSY_MS, undefined, { signal }); // as many wait there as can
    }
  }
}

const BUSY_MS = 5;

/** The path itself would be longer than the address of a socket can be. */
async function connect(path: string): Promise<Socket> {
  const directory = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return await new Promise((resolve, reject) => {
      const socket = new Socket();
      socket.once("error", reject);
      socket.connect({ path: `/proc/self/fd/${directory}/${basename(path)}` }, () => {
        socket.off("error", reject);
        resolve(socket);
      });
    });
  } finally {
    closeSync(directory);
  }
}

interface Answer {
  readonly resolve: (isDone: boolean) => void;
  readonly reject: (error: Error) => void;
}

/** The caller closes it; it closes by itself when the keeper has ended. */
export class KeeperConnection implements Disposable {
  /** Whether the keeper said hello; known before anybody gets the connection. */
  readonly greeted: Promise<boolean>;
  /**
   * How the container ended for good. `undefined`: the keeper was killed, or this connection was
   * closed before. On a connection that is attached it comes after all output, so read that.
   */
  readonly ended: Promise<KeeperExit | undefined>;
  readonly #socket: Socket;
  readonly #onEvent: ((event: HelperEvent) => void) | undefined;
  readonly #answers: Answer[] = [];
  #hello: KeeperHello | undefined;
  #greet: (isHello: boolean) => void = () => undefined;
  #end: (exit: KeeperExit | undefined) => void = () => undefined;
  #exit: KeeperExit | undefined;
  #stdin: Writable | undefined;
  #outputs: readonly Output[] = [];
  #isClosed = false;

  /** Use `connectKeeper()`. */
  constructor(socket: Socket, onEvent?: (event: HelperEvent) => void) {
    this.#socket = socket;
    this.#onEvent = onEvent;
    this.greeted = new Promise((resolve) => (this.#greet = resolve));
    this.ended = new Promise((resolve) => (this.#end = resolve));
    const decoder = new FrameDecoder({
      bytes: (type, part) => this.#show(type, part),
      words: (text) => this.#hear(text),
    });
    socket.on("data", (chunk: Buffer) => {
      try {
        decoder.push(chunk);
      } catch (error) {
        if (!isMarmitaError(error, "CORRUPT")) throw error;
        socket.destroy(); // as of a keeper that was killed
      }
    });
    socket.on("error", () => undefined); // a reset is an end like others: "close" follows
    socket.on("close", () => this.#over());
  }

  get hello(): KeeperHello {
    if (this.#hello === undefined) throw new Error("the keeper has not said hello");
    return this.#hello;
  }

  /**
   * `signal 15`, `end 15`, `resize 80 24`, …: native/init/orders.h has them all. Resolves to true
   * when the keeper has obeyed, to false when it ended before it said so. Rejects with
   * `UNAVAILABLE` when it could not.
   */
  order(words: string): Promise<boolean> {
    if (this.#isClosed || !this.#socket.writable) return Promise.resolve(false);
    return new Promise((resolve, reject) => {
      this.#answers.push({ resolve, reject });
      this.#send(FRAME.words, Buffer.from(words));
    });
  }

  /**
   * From here on the container's output comes over this connection, too, and with it whatever else
   * the keeper says: a reader that waits makes events wait. `undefined` when the keeper has ended.
   *
   * Have stdin and output on two connections: a write that fails, for the container has ended, ends
   * its connection, and output not yet read would be lost with it. And give orders on a third:
   * behind input that nobody reads they wait.
   */
  async attach(asked: AttachWords): Promise<AttachedStreams | undefined> {
    if (this.#outputs.length > 0 || this.#stdin !== undefined) throw new Error("attached twice");
    const streams = this.#open(asked);
    const names = ["stdin", "stdout", "stderr", "once"] as const;
    const words = names.filter((name) => asked[name] === true);
    try {
      if (await this.order(["attach", ...words].join(" "))) return streams;
      if (this.#exit === undefined) return undefined;
      return streams; // it ended in the same moment
    } catch (error) {
      for (const stream of Object.values(streams)) stream.destroy();
      throw error;
    }
  }

  /** Leaves the container as it is, but for its stdin where we attached with `once`. Twice is fine. */
  close(): void {
    this.#socket.destroy();
    this.#over();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #open(asked: AttachWords): AttachedStreams {
    const resume = () => {
      if (this.#outputs.every(({ isFull }) => !isFull)) this.#socket.resume();
    };
    const open = (type: FrameType) => {
      const output = new Output(type, resume);
      this.#outputs = [...this.#outputs, output];
      return output;
    };
    if (asked.stdin === true)
      this.#stdin = new Input((bytes, sent) => this.#send(FRAME.stdin, bytes, sent));
    return {
      ...(this.#stdin === undefined ? {} : { stdin: this.#stdin }),
      ...(asked.stdout === true && { stdout: open(FRAME.stdout) }),
      ...(asked.stderr === true && { stderr: open(FRAME.stderr) }),
    };
  }

  /** `sent` is called when there is room for more. */
  #send(type: FrameType, payload: Uint8Array, sent: () => void = () => undefined): void {
    // Whoever sends to a keeper that has gone learns it by the end of the connection.
    if (this.#socket.writable) this.#socket.write(encodeFrame(type, payload), () => sent());
    else setImmediate(sent);
  }

  #show(type: FrameType, part: Buffer): void {
    if (this.#isClosed) return; // just now, by who heard the event before it
    const output = this.#outputs.find((one) => one.type === type);
    if (output?.show(part) === false) this.#socket.pause();
  }

  #hear(text: string): void {
    const event = parseEvent(text);
    switch (event.event) {
      case "done":
        this.#answers.shift()?.resolve(true);
        return;
      case "failed":
        this.#answers.shift()?.reject(refused(event));
        return;
      case "hello":
        this.#hello ??= helloOf(event);
        this.#greet(true);
        return;
      case "exited":
        this.#exit = exitOf(event);
        break;
      default:
    }
    this.#onEvent?.(event);
  }

  #over(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#greet(false);
    for (const { resolve } of this.#answers.splice(0)) resolve(false);
    for (const output of this.#outputs) if (!output.destroyed) output.push(null);
    this.#stdin?.destroy();
    this.#end(this.#exit);
  }
}

/** One of a container's output streams. */
class Output extends Readable {
  readonly type: FrameType;
  readonly #resume: () => void;
  isFull = false;

  constructor(type: FrameType, resume: () => void) {
    super();
    this.type = type;
    this.#resume = resume;
  }

  /** False: full until it is read from (`resume`). What nobody can read any more is let go. */
  show(part: Buffer): boolean {
    if (this.destroyed) return true;
    this.isFull = !this.push(part);
    return !this.isFull;
  }

  override _read(): void {
    this.#free();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#free();
    done(error);
  }

  #free(): void {
    this.isFull = false;
    this.#resume();
  }
}

type SendInput = (bytes: Uint8Array, sent?: () => void) => void;

/** A container's stdin. */
class Input extends Writable {
  readonly #send: SendInput;

  constructor(send: SendInput) {
    super();
    this.#send = send;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    let rest: Uint8Array = chunk;
    for (; rest.length > MAX_PAYLOAD_BYTES; rest = rest.subarray(MAX_PAYLOAD_BYTES)) {
      this.#send(rest.subarray(0, MAX_PAYLOAD_BYTES));
    }
    if (rest.length > 0) this.#send(rest, done);
    else done(); // an empty frame would be the end
  }

  override _final(done: () => void): void {
    this.#send(Buffer.alloc(0), done);
  }
}

function parseEvent(text: string): HelperEvent {
  const json = parseJson(text, "an event of a container's keeper");
  if (isJsonObject(json) && typeof json["event"] === "string") return json as HelperEvent;
  throw new MarmitaError("CORRUPT", "not an event of a container's keeper");
}

function refused(event: HelperEvent): MarmitaError {
  const failure = new HelperFailure(event);
  const { message, errno, step } = failure;
  return new MarmitaError("UNAVAILABLE", message, { errno, step, cause: failure });
}

function helloOf(event: HelperEvent): KeeperHello {
  const { pid, startedAt, tty, openStdin, restarting } = event;
  return {
    pid: typeof pid === "number" ? pid : 0,
    startedAt: typeof startedAt === "string" ? startedAt : "",
    tty: tty === true,
    openStdin: openStdin === true,
    restarting: restarting === true,
  };
}

/** Of the events `died` and `exited`. */
export function exitOf(event: HelperEvent): KeeperExit {
  const { exitCode, signal, startedAt, finishedAt } = event;
  return {
    exitCode: typeof exitCode === "number" ? exitCode : 0,
    signal: signalName(typeof signal === "number" ? signal : 0),
    ...(typeof startedAt === "string" && { startedAt }),
    ...(typeof finishedAt === "string" && { finishedAt }),
  };
}
