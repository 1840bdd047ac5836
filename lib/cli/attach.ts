/** A foreground process: its streams and ours joined by pipes, our signals passed on to it. */
import { constants } from "node:os";
import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { isGone } from "./output.ts";

/** What is needed of a running process. */
export interface Attachable {
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  wait(): Promise<{ readonly exitCode: number }>;
  kill(signal: number): void;
}

/** Our own ends: `process`, but for tests. */
export interface Terminal {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/**
 * Carries bytes until the process and its streams have ended; resolves to its exit code.
 * The descriptors of the terminal are never given to the container: a program inside could type
 * into it, and would find it non-blocking.
 */
export async function attach(running: Attachable, terminal: Terminal): Promise<number> {
  const over = new AbortController();
  const input = carryInput(running.stdin, terminal.stdin, over.signal);
  const outputs = [
    carryOutput(running.stdout, terminal.stdout),
    carryOutput(running.stderr, terminal.stderr),
  ];
  try {
    const { exitCode } = await running.wait();
    await Promise.all(outputs);
    return exitCode;
  } finally {
    over.abort();
    await input;
  }
}

/**
 * When nobody reads what we print, our end of the container's pipe is closed, so the container's
 * process meets SIGPIPE as it would without us.
 */
async function carryOutput(source: Readable | undefined, sink: Writable): Promise<void> {
  if (source === undefined) return;
  try {
    await pipeline(source, sink, { end: false });
    await flushed(sink);
  } catch (error) {
    if (!isEnd(error)) throw error;
  }
}

/** The process may stop reading, or end, long before our stdin does. */
async function carryInput(
  sink: Writable | undefined,
  source: Readable,
  signal: AbortSignal,
): Promise<void> {
  if (sink === undefined) return;
  try {
    await pipeline(source, sink, { signal });
  } catch (error) {
    if (!signal.aborted && !isEnd(error)) throw error;
  }
}

function isEnd(error: unknown): boolean {
  if (isGone(error)) return true;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return ["ECONNRESET", "ERR_STREAM_PREMATURE_CLOSE", "ERR_STREAM_DESTROYED"].includes(
    String(code),
  );
}

function flushed(sink: Writable): Promise<void> {
  return new Promise((resolve) => {
    if (sink.writableLength === 0 || sink.destroyed) resolve();
    else sink.write("", () => resolve());
  });
}

/** What Docker passes on: all that can be caught, but what is about our own children and output. */
const PROXIED = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGTERM",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGWINCH",
  "SIGCONT",
] as const;

const ENDING = new Set<string>(["SIGINT", "SIGTERM"]);

/** So many requests to end are obeyed by force. */
const PATIENCE = 3;

export interface ProxiedSignals {
  /** From here on signals go to the process; one that came before it started is in `early`. */
  to(running: Pick<Attachable, "kill">): void;
  /** Aborted by the first signal to end that comes before there is a process. */
  readonly early: AbortSignal;
  stop(): void;
}

/** Catches signals from now on. With `proxy` false they have their usual effect afterwards. */
export function catchSignals(options: { readonly proxy: boolean }): ProxiedSignals {
  const early = new AbortController();
  let target: Pick<Attachable, "kill"> | undefined;
  let asked = 0;
  const onSignal = (name: NodeJS.Signals) => {
    const number = constants.signals[name];
    if (target === undefined) {
      if (!["SIGWINCH", "SIGCONT"].includes(name)) early.abort(number);
      return;
    }
    if (ENDING.has(name)) asked++;
    target.kill(asked >= PATIENCE ? constants.signals.SIGKILL : number);
  };
  const stop = () => {
    for (const name of PROXIED) process.off(name, onSignal);
  };
  for (const name of PROXIED) process.on(name, onSignal);
  return {
    early: early.signal,
    to: (running) => {
      if (options.proxy) target = running;
      else stop();
    },
    stop,
  };
}
