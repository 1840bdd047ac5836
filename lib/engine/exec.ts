/** One more command in a container that runs. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MarmitaError, isMarmitaError } from "../errors.ts";
import { decodePlan } from "../native/plan.ts";
import { containerCapabilities } from "../runtime/capabilities.ts";
import { KEEP_GROUPS } from "../runtime/confinement.ts";
import { type ExecProcess, startExecProcess } from "../runtime/exec.ts";
import { type ExecContainer, execPlan } from "../runtime/exec-plan.ts";
import type { ExitStatus } from "../runtime/process.ts";
import { distrustFilters } from "../runtime/seccomp/filters.ts";
import { ambientOf } from "../runtime/security.ts";
import { sizeOf } from "../runtime/spec-input.ts";
import { abortError, onAbort, throwIfAborted } from "../util/abort.ts";
import { isMissing } from "../util/system-error.ts";
import { type Captured, capture, feed, textOf } from "../runtime/capture.ts";
import type { EngineContext } from "./context.ts";
import { recordContainer } from "./events.ts";
import type { ExecOptions, ExecResult, ExecSettings, StartExecOptions } from "./exec-options.ts";
import { noSuchContainer } from "./find.ts";
import { DEFAULT_MAX_OUTPUT_BYTES, type CaptureOption, type OutputOption } from "./options.ts";
import type { ContainerRecord } from "./records.ts";
import { ensureContainerFilter } from "./security.ts";

export { checkExec, checkStartExec } from "./exec-checks.ts";

/** What of a container is asked here. */
interface Executing {
  readonly record: ContainerRecord;
  state(): Promise<{ readonly status: string }>;
}

export interface ExecStart {
  readonly command: readonly string[];
  readonly options: StartExecOptions;
  /** It goes on without this process; its streams are "ignore". */
  readonly detach?: boolean;
}

/** The options are checked. Throws `CONFLICT` unless the container runs, `START_FAILED`. */
export async function startExec(
  context: EngineContext,
  executing: Executing,
  start: ExecStart,
): Promise<ExecProcess> {
  const { record } = executing;
  const { signal } = start.options;
  throwIfAborted(signal);
  await checkRunning(executing);
  const container = execContainer(context, record);
  const process = await begin(context, record, { ...start, container });
  noteEvents(context, record, { start, process });
  if (start.detach !== true) own(context, process);
  if (signal === undefined) return process;
  const unhook = onAbort(signal, () => process.killTree());
  process.wait().then(unhook, unhook);
  if (!signal.aborted) return process;
  await process[Symbol.asyncDispose]();
  throw abortError(signal);
}

/** It ends with the engine. */
function own({ execs }: EngineContext, process: ExecProcess): void {
  execs.add(process);
  void process.wait().then(() => execs.delete(process));
}

interface Begin extends ExecStart {
  readonly container: ExecContainer;
}

async function begin(
  context: EngineContext,
  record: ContainerRecord,
  start: Begin,
): Promise<ExecProcess> {
  try {
    return await spawn(record, start);
  } catch (error) {
    if (isMarmitaError(error, "CONFLICT")) throw notRunning(record);
    if (!isMarmitaError(error) || error.step !== "seccomp") throw error;
    distrustFilters(); // its file was lost or changed: once more with a new one
    await ensureContainerFilter(context.paths, record.id);
    return spawn(record, start);
  }
}

function spawn(
  { name, id }: ContainerRecord,
  { container, command, options, detach = false }: Begin,
): Promise<ExecProcess> {
  const { stdin = "ignore", stdout = "pipe", stderr = "pipe", tty = false, signal } = options;
  const { user, workdir, env, columns, rows, hostTerminal } = options;
  const size = sizeOf({ columns, rows });
  const plan = execPlan(container, { command, user, workdir, env, ...(tty && { terminal: size }) });
  return startExecProcess({
    title: name === "" ? id : name,
    plan,
    ...(detach ? DETACHED : { stdin, stdout, stderr }),
    detach,
    hasTerminal: tty,
    hostTerminal,
    signal,
  });
}

const DETACHED = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;

async function checkRunning(executing: Executing): Promise<void> {
  const { record } = executing;
  const { status } = await executing.state();
  if (status === "running") return;
  const what = WHY_NOT[status];
  if (what === undefined) throw notRunning(record);
  throw new MarmitaError("CONFLICT", `container ${record.name} is ${what}`, {
    details: { container: record.id, state: status },
  });
}

/** Docker's words. */
const WHY_NOT: Readonly<Record<string, string>> = {
  paused: "paused, unpause the container before exec",
  restarting: "restarting, wait until the container is running",
};

function notRunning({ id, name }: ContainerRecord): MarmitaError {
  return new MarmitaError("CONFLICT", `container ${name} is not running`, {
    details: { container: id },
  });
}

/** What its plan and its record say of every command in it. */
function execContainer({ paths }: EngineContext, record: ContainerRecord): ExecContainer {
  const { isolation, confinement, security, name } = record;
  const changes = { add: security.capAdd, drop: security.capDrop };
  try {
    return {
      // A few KiB: sooner read than a thread is asked to.
      plan: decodePlan(readFileSync(join(paths.container(record.id), "plan"))),
      name,
      keepsGroups:
        isolation.ids === "single" || confinement.groupAdd?.includes(KEEP_GROUPS) === true,
      ambient: ambientOf(security, containerCapabilities(changes)),
    };
  } catch (error) {
    if (isMissing(error)) throw noSuchContainer(name);
    throw error;
  }
}

interface Begun {
  readonly start: ExecStart;
  readonly process: ExecProcess;
}

/** As Docker tells them: made, begun, ended. Of one that is detached nobody sees the end. */
function noteEvents(
  context: EngineContext,
  container: ContainerRecord,
  { start: { command, detach }, process }: Begun,
): void {
  const words = command.join(" ");
  const execID = randomBytes(32).toString("hex");
  recordContainer(context, `exec_create: ${words}`, { container, attributes: { execID } });
  recordContainer(context, `exec_start: ${words}`, { container, attributes: { execID } });
  if (detach === true) return;
  const noteEnd = ({ exitCode }: ExitStatus) => {
    const attributes = { execID, exitCode: String(exitCode) };
    recordContainer(context, "exec_die", { container, attributes });
  };
  process.wait().then(noteEnd, () => undefined);
}

/**
 * The options are checked. Resolves when the command has ended, with what it wrote until then: what
 * it left behind in the container may hold its streams open for ever.
 */
export async function execToEnd(
  context: EngineContext,
  executing: Executing,
  { command, options }: { readonly command: readonly string[]; readonly options: ExecOptions },
): Promise<ExecResult | ExecResult<Buffer>> {
  const began = performance.now();
  const { input, stdin, stdout, stderr, signal } = options;
  const start = {
    ...settingsOf(options),
    stdin: input === undefined ? (stdin ?? "ignore") : "pipe",
    stdout: outputOption(stdout),
    stderr: outputOption(stderr),
    ...(signal !== undefined && { signal }),
  } as const;
  await using process = await context.work.begin(() => {
    return startExec(context, executing, { command, options: start });
  });
  const ended = await seeThrough(process, options);
  if (signal?.aborted === true) throw abortError(signal);
  return resultOf(ended, { ...options, durationMs: performance.now() - began });
}

function settingsOf({ user, workdir, env, tty, columns, rows }: ExecOptions): ExecSettings {
  return {
    ...(user !== undefined && { user }),
    ...(workdir !== undefined && { workdir }),
    ...(env !== undefined && { env }),
    ...(tty !== undefined && { tty }),
    ...(columns !== undefined && { columns }),
    ...(rows !== undefined && { rows }),
  };
}

function outputOption(option: CaptureOption = "capture"): OutputOption {
  return option === "capture" ? "pipe" : option;
}

interface Ended {
  readonly status: ExitStatus;
  readonly stdout: Captured;
  readonly stderr: Captured;
  readonly timedOut: boolean;
}

async function seeThrough(process: ExecProcess, options: ExecOptions): Promise<Ended> {
  const { input, timeoutMs, maxOutputBytes = DEFAULT_MAX_OUTPUT_BYTES } = options;
  let timedOut = false;
  const expire = (): void => {
    timedOut = true;
    process.killTree();
  };
  const timer = timeoutMs === undefined ? undefined : setTimeout(expire, timeoutMs);
  try {
    const [status, stdout, stderr] = await Promise.all([
      process.wait(),
      capture(process.stdout, maxOutputBytes, process.wait()),
      capture(process.stderr, maxOutputBytes, process.wait()),
      feed(process.stdin, input),
    ]);
    return { status, stdout, stderr, timedOut };
  } finally {
    clearTimeout(timer);
  }
}

function resultOf(
  { status, stdout, stderr, timedOut }: Ended,
  { encoding = "utf8", durationMs }: ExecOptions & { readonly durationMs: number },
): ExecResult | ExecResult<Buffer> {
  const truncated = stdout.truncated || stderr.truncated;
  const common = { ...status, timedOut, truncated, durationMs };
  if (encoding === "buffer") return { ...common, stdout: stdout.bytes, stderr: stderr.bytes };
  return { ...common, stdout: textOf(stdout), stderr: textOf(stderr) };
}
