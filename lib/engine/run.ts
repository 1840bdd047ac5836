/** One command in a container of its own, from its making to its end. */
import type { NetworkState } from "../runtime/network-state.ts";
import type { ExitStatus, RunningProcess } from "../runtime/process.ts";
import { abortError } from "../util/abort.ts";
import { type Captured, capture, feed, textOf } from "../runtime/capture.ts";
import type { RunRequest } from "./checks.ts";
import type { EngineContext } from "./context.ts";
import { type Created, createContainer } from "./create.ts";
import {
  type CaptureOption,
  DEFAULT_MAX_OUTPUT_BYTES,
  type OutputOption,
  type RunOptions,
  type RunResult,
} from "./options.ts";
import { reached } from "./networking.ts";
import { removeContainer } from "./remove.ts";
import { startClaimed } from "./start.ts";

/**
 * The request is checked. Rejects when no command ran to its end, and then, when it never began, leaves no container.
 * After an abort the container's process is gone; the container goes only with `remove`.
 */
export async function runContainer(
  context: EngineContext,
  request: RunRequest,
): Promise<RunResult | RunResult<Buffer>> {
  const { options } = request;
  const { signal } = options;
  const { created, process } = await context.work.begin(() => begin(context, request));
  try {
    const ended = await seeThrough(process, options);
    if (signal?.aborted === true) throw abortError(signal);
    return result(created, ended, options);
  } catch (error) {
    await process[Symbol.asyncDispose]().catch(() => undefined); // the first error counts
    throw error;
  }
}

interface Begun {
  readonly created: Created;
  readonly process: RunningProcess;
}

async function begin(
  context: EngineContext,
  { image, command, options }: RunRequest,
): Promise<Begun> {
  const { input, stdout, stderr, columns, rows, signal } = options;
  const size = { ...(columns !== undefined && { columns }), ...(rows !== undefined && { rows }) };
  const stdin = input === undefined ? (options.stdin ?? "ignore") : "pipe";
  const created = await createContainer(context, {
    options: { ...options, image, ...(command === undefined ? {} : { command }) },
    purpose: "start",
    start: { stdin, ...size },
    signal,
  });
  try {
    const process = await startClaimed(context, {
      ...created,
      options: {
        stdin,
        ...size,
        stdout: outputOption(stdout),
        stderr: outputOption(stderr),
        ...(signal === undefined ? {} : { signal }),
      },
    });
    return { created, process };
  } catch (error) {
    await removeContainer(context, created.record).catch(() => undefined); // the next sweep's, then
    throw error;
  }
}

function outputOption(option: CaptureOption = "capture"): OutputOption {
  return option === "capture" ? "pipe" : option;
}

interface Ended {
  readonly status: ExitStatus;
  readonly stdout: Captured;
  readonly stderr: Captured;
  readonly timedOut: boolean;
  readonly network: NetworkState | undefined;
}

async function seeThrough(process: RunningProcess, options: RunOptions): Promise<Ended> {
  const { input, timeoutMs, maxOutputBytes = DEFAULT_MAX_OUTPUT_BYTES } = options;
  let timedOut = false;
  const expire = (): void => {
    timedOut = true;
    process.kill("SIGKILL");
  };
  const timer = timeoutMs === undefined ? undefined : setTimeout(expire, timeoutMs);
  try {
    const [status, stdout, stderr] = await Promise.all([
      process.wait(),
      capture(process.stdout, maxOutputBytes),
      capture(process.stderr, maxOutputBytes),
      feed(process.stdin, input),
    ]);
    return { status, stdout, stderr, timedOut, network: process.network };
  } finally {
    clearTimeout(timer);
  }
}

function result(
  { record }: Created,
  { status, stdout, stderr, timedOut, network }: Ended,
  { encoding = "utf8" }: RunOptions,
): RunResult | RunResult<Buffer> {
  const { id } = record;
  const isolation = reached(record.isolation, network);
  const truncated = stdout.truncated || stderr.truncated;
  const common = { id, ...status, timedOut, truncated, isolation };
  if (encoding === "buffer") return { ...common, stdout: stdout.bytes, stderr: stderr.bytes };
  return { ...common, stdout: textOf(stdout), stderr: textOf(stderr) };
}
