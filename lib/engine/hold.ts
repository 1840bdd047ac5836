/** A container stands still until it is told to go on, whatever becomes of who paused it. */
import { join } from "node:path";
import { MarmitaError } from "../errors.ts";
import { Helper, type HelperEvent, HelperFailure } from "../native/helper.ts";
import {
  cgroupValue,
  findOwnCgroup,
  readCgroupFile,
  writeCgroupFile,
} from "../runtime/own-cgroup.ts";
import { abortError, onAbort, throwIfAborted } from "../util/abort.ts";
import { Patience } from "../util/patience.ts";
import type { EngineContext } from "./context.ts";
import { recordContainer } from "./events.ts";
import { speakToKeeper } from "./keepers.ts";
import { lookAtLive } from "./live.ts";
import { homeIn } from "./pause.ts";
import type { ContainerRecord } from "./records.ts";
import { runningProcess } from "./running.ts";

export interface PauseOptions {
  readonly signal?: AbortSignal;
}

/** How a container was made to stand still, or to go on. */
export interface PauseResult {
  /**
   * `freezer`: that of its control group, of which its processes notice nothing. `signals`: SIGSTOP
   * and SIGCONT to all of them, where it has no control group of its own.
   */
  readonly method: "freezer" | "signals";
  /** How many processes were stopped or continued; those in a freezer are not counted: 0. */
  readonly processes: number;
}

/**
 * Resolves when all of its processes stand still. Throws `CONFLICT` when it does not run or is paused
 * already, `UNAVAILABLE` when one of its processes cannot be stopped: then none is.
 */
export async function holdContainer(
  context: EngineContext,
  record: ContainerRecord,
  { signal }: PauseOptions,
): Promise<PauseResult> {
  await using turn = await takeTurn(context, record, { verb: "hold", signal });
  if (isPaused(context, record)) throw already(record);
  await note(context, record, true);
  try {
    const result = await turn.stop();
    recordContainer(context, "pause", { container: record });
    return result;
  } catch (error) {
    await note(context, record, false).catch(() => undefined); // it has ended
    throw error;
  }
}

/**
 * What stood still before it was paused goes on doing so. Throws `CONFLICT` when it does not run,
 * or is not paused.
 */
export async function releaseContainer(
  context: EngineContext,
  record: ContainerRecord,
  { signal }: PauseOptions,
): Promise<PauseResult> {
  await using turn = await takeTurn(context, record, { verb: "resume", signal });
  if (!isPaused(context, record)) throw notPaused(record);
  const result = await turn.stop();
  await note(context, record, false);
  recordContainer(context, "unpause", { container: record });
  return result;
}

/** Whether its keeper has noted that. */
function isPaused({ paths }: EngineContext, { id }: ContainerRecord): boolean {
  return lookAtLive(paths, id)?.content.paused === true;
}

async function note(
  context: EngineContext,
  record: ContainerRecord,
  isPausedNow: boolean,
): Promise<void> {
  using keeper = await speakToKeeper(context, record);
  if (keeper === undefined) {
    await runningProcess(context, record); // throws when it has ended
    const { socketError } = lookAtLive(context.paths, record.id)?.content ?? {};
    const why = socketError === undefined ? "" : `: ${socketError}`;
    const message = `the keeper of ${record.name} cannot be told of it${why}`;
    throw new MarmitaError("UNAVAILABLE", message, { details: { container: record.id } });
  }
  if (await keeper.order(`paused ${isPausedNow ? 1 : 0}`)) return;
  await runningProcess(context, record);
}

/** Nobody else pauses or continues it meanwhile, be it for a commit. */
interface Turn extends AsyncDisposable {
  /** Do what the turn was taken for. */
  stop(): Promise<PauseResult>;
}

interface TurnRequest {
  readonly verb: "hold" | "resume";
  readonly signal: AbortSignal | undefined;
}

async function takeTurn(
  context: EngineContext,
  record: ContainerRecord,
  { verb, signal }: TurnRequest,
): Promise<Turn> {
  throwIfAborted(signal);
  const { paths } = context;
  const first = await runningProcess(context, record);
  const { namespace } = await (await homeIn(context, record)).mapped();
  const still = join(paths.container(record.id), "paused");
  const helper = Helper.start(verb, {
    title: `marmita: ${verb} ${record.name}`,
    args: ["--userns", join(paths.live, record.id), record.name, still],
    extra: [namespace.fd],
  });
  const events = helper.events[Symbol.asyncIterator]();
  const next = async (): Promise<HelperEvent | undefined> => {
    const result = await events.next();
    return result.done === true ? undefined : result.value;
  };
  const forget = signal && onAbort(signal, () => helper.send("stop"));
  const event = await next();
  forget?.();
  const leave = async (): Promise<void> => {
    helper.send("stop");
    await helper.ended;
  };
  if (event?.event !== "turn" || signal?.aborted === true) {
    await leave();
    if (signal?.aborted === true) throw abortError(signal);
    throw cannot(verb, record, event);
  }
  const bySignals = async (): Promise<PauseResult> => {
    helper.send("go");
    const done = await next();
    if (done?.event !== "held" && done?.event !== "resumed") throw cannot(verb, record, done);
    return { method: "signals", processes: Number(done["processes"]) };
  };
  const cgroup = findOwnCgroup(first.pid, record.id);
  return {
    stop: cgroup === undefined ? bySignals : () => freeze(cgroup, verb === "hold", record),
    [Symbol.asyncDispose]: leave,
  };
}

/** As patient as the verb `hold`. */
const FREEZE_MS = 10_000;

async function freeze(
  directory: string,
  isToStop: boolean,
  record: ContainerRecord,
): Promise<PauseResult> {
  const wanted = isToStop ? 1 : 0;
  writeCgroupFile(directory, "cgroup.freeze", String(wanted));
  const deadline = performance.now() + FREEZE_MS;
  const patience = new Patience({ longestMs: 4 });
  while (cgroupValue(readCgroupFile(directory, "cgroup.events"), "frozen") !== wanted) {
    if (performance.now() > deadline) {
      writeCgroupFile(directory, "cgroup.freeze", "0");
      throw cannot("hold", record, { event: "failed", what: "the freezer takes too long" });
    }
    await patience.wait();
  }
  return { method: "freezer", processes: 0 };
}

function cannot(
  verb: TurnRequest["verb"],
  { id, name }: ContainerRecord,
  event: HelperEvent | undefined,
): MarmitaError {
  const cause = new HelperFailure(event ?? { event: "failed", what: "the helper died" });
  const details = { container: id };
  if (cause.errno === "ESRCH") {
    return new MarmitaError("CONFLICT", `container ${name} is not running`, { cause, details });
  }
  const what = verb === "hold" ? "pause" : "unpause";
  return new MarmitaError("UNAVAILABLE", `cannot ${what} container ${name}: ${cause.message}`, {
    step: what,
    cause,
    ...(cause.errno !== "" && { errno: cause.errno }),
    details,
  });
}

function already({ id, name }: ContainerRecord): MarmitaError {
  return new MarmitaError("CONFLICT", `container ${name} is already paused`, {
    details: { container: id, state: "paused" },
  });
}

function notPaused({ id, name }: ContainerRecord): MarmitaError {
  return new MarmitaError("CONFLICT", `container ${name} is not paused`, {
    details: { container: id, state: "running" },
  });
}
