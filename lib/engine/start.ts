/** Starts a container's process: the plan in its bundle, carried out under its live file. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { MarmitaError, isMarmitaError } from "../errors.ts";
import { type RunningProcess, startProcess } from "../runtime/process.ts";
import { distrustFilters } from "../runtime/seccomp/filters.ts";
import { parseSignal } from "../runtime/signals.ts";
import { sizeOf, type TerminalSize } from "../runtime/spec-input.ts";
import type { Paths } from "../store/paths.ts";
import { abortError, onAbort, throwIfAborted } from "../util/abort.ts";
import { Patience } from "../util/patience.ts";
import { checkTerminalOptions } from "./checks.ts";
import type { EngineContext } from "./context.ts";
import { noSuchContainer } from "./find.ts";
import { homeOf } from "./kept-context.ts";
import { joinedNamespace } from "./joins.ts";
import { type Live, claimLive, lookAtLive } from "./live.ts";
import type { StartOptions } from "./options.ts";
import { type ContainerRecord, exitPath, findExit, findRecord } from "./records.ts";
import { ensureContainerFilter } from "./security.ts";
import { sweepOne } from "./sweep.ts";

/** Start it, the first time or again: what it wrote before is still there. */
export async function startContainer(
  context: EngineContext,
  record: ContainerRecord,
  options: StartOptions,
): Promise<RunningProcess> {
  throwIfAborted(options.signal);
  checkTerminalOptions(record.tty, options);
  const live = await claim(context, record, options.signal);
  return startClaimed(context, { record, live, options });
}

async function claim(
  context: EngineContext,
  record: ContainerRecord,
  signal: AbortSignal | undefined,
): Promise<Live> {
  const { paths } = context;
  const content = { purpose: "start", name: record.name } as const;
  const patience = new Patience();
  let live = claimLive(paths, record.id, content);
  while (live === undefined) {
    await sweepOne(context, record.id); // it may have died with its keeper
    live = claimLive(paths, record.id, content);
    if (live !== undefined) break;
    if ((await findExit(paths, record.id)) !== undefined || isCopied(paths, record.id)) {
      await patience.wait(signal); // it has ended, and its keeper tidies up
      continue;
    }
    throw runsAlready(paths, record);
  }
  try {
    if ((await findRecord(paths, record.id)) === undefined) throw noSuchContainer(record.name);
    await ensureContainerFilter(paths, record.id);
    await rm(exitPath(paths, record.id), { force: true });
    return live;
  } catch (error) {
    live.finish();
    throw error;
  }
}

function runsAlready(paths: Paths, { id, name }: ContainerRecord): MarmitaError {
  const isPaused = lookAtLive(paths, id)?.content.paused === true;
  const state = isPaused ? "paused" : "running";
  return new MarmitaError("CONFLICT", `container ${name} is ${state}`, {
    ...(isPaused ? { hint: "Unpause it: marmita unpause, or unpause()." } : {}),
    details: { container: id, state },
  });
}

/** Its files are copied, to it or from it: that comes to an end. */
function isCopied(paths: Paths, id: string): boolean {
  const purpose = lookAtLive(paths, id)?.content.purpose;
  return purpose === "copy" || purpose === "fork";
}

export interface ClaimedStart {
  readonly record: ContainerRecord;
  /** Closed here whatever happens: from the start on the keeper holds it. */
  readonly live: Live;
  readonly options: StartOptions;
  readonly hostTerminal?: number | undefined;
  /** Called first: what it throws is a failure of the start. */
  readonly prepare?: (() => void) | undefined;
}

/** On failure nothing runs, and a container with `remove` is gone. */
export async function startClaimed(
  context: EngineContext,
  { record, live, options, prepare, hostTerminal }: ClaimedStart,
): Promise<RunningProcess> {
  const { id } = record;
  const { detach = false, signal } = options;
  const output = detach ? "ignore" : "pipe";
  const { stdin = "ignore", stdout = output, stderr = output } = options;
  try {
    throwIfAborted(signal);
    prepare?.();
    const { userns } = record.confinement;
    const home = await homeOf(context, { image: record.image.name, userns });
    const { namespace } = await home.context.mapped();
    const joined = await joinedNamespace(context, record);
    const plan = join(context.paths.container(id), "plan");
    const process = await startProcess({
      plan,
      namespace: joined ?? namespace,
      title: record.name,
      live: live.fd,
      stdin,
      stdout,
      stderr,
      terminal: record.tty ? { size: askedSize(options), host: hostTerminal } : undefined,
      detach,
      relay: detach || isRelayed(record),
      stopSignal: stopSignalOf(record),
      signal,
      onLost: () => sweepOne(context, id),
    }).finally(() => joined?.close());
    live.close();
    killOnAbort(process, signal);
    context.running.set(id, process);
    const forget = () => {
      if (context.running.get(id) === process) context.running.delete(id);
    };
    process.ended.then(forget, forget);
    if (signal?.aborted !== true) return process;
    process.kill("SIGKILL");
    await process.wait().catch(() => undefined); // for a detached one, too, we stay so long
    await process[Symbol.asyncDispose]();
    throw abortError(signal);
  } catch (error) {
    live.close();
    if (isMarmitaError(error) && error.step === "seccomp") distrustFilters();
    // What the keeper did not put away, if there ever was one; or else the next sweep's.
    await sweepOne(context, id).catch(() => undefined);
    throw error;
  }
}

/** `undefined` where the plan's is meant. */
function askedSize({ columns, rows }: StartOptions): TerminalSize | undefined {
  return columns === undefined && rows === undefined ? undefined : sizeOf({ columns, rows });
}

/** What more than its starter reads, or more than one run of it writes. */
function isRelayed({ tty, log, restart }: ContainerRecord): boolean {
  return tty || log !== undefined || restart !== undefined;
}

/** Absent where nothing was said, and where an image says what is no signal. */
function stopSignalOf({ confinement, inherited }: ContainerRecord): number | undefined {
  return parseSignal(confinement.stopSignal ?? inherited.StopSignal ?? "");
}

function killOnAbort(process: RunningProcess, signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  const unhook = onAbort(signal, () => {
    if (!process.isDetached) process.kill("SIGKILL");
  });
  process.ended.then(unhook, unhook);
}
