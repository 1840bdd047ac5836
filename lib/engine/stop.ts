/** Brings about the end of a container: asked for first, then by force. */
import { isMarmitaError } from "../errors.ts";
import { parseSignal } from "../runtime/signals.ts";
import { onAbort, throwIfAborted } from "../util/abort.ts";
import { Patience } from "../util/patience.ts";
import type { EngineContext } from "./context.ts";
import { recordContainer } from "./events.ts";
import type { StopOptions } from "./lifecycle-options.ts";
import { endKeeper, keeperOf, signalFirst, speakToKeeper } from "./keepers.ts";
import type { LiveContent } from "./live.ts";
import type { ContainerRecord } from "./records.ts";

/** Docker's. */
const GRACE_MS = 10_000;
const SIGTERM = 15;

/** How a container is to end. */
export interface Ending {
  readonly number: number;
  /** -1: never by force. */
  readonly graceMs: number;
}

/**
 * Resolves when it does not run any more, whoever brought that about, and will not be started
 * again by its policy. Nothing happens to one that does not run, or that has gone meanwhile.
 */
export async function stopContainer(
  context: EngineContext,
  record: ContainerRecord,
  { signal, ...options }: StopOptions,
): Promise<void> {
  throwIfAborted(signal);
  const ending = endingFor(record, options);
  const content = await keeperOf(context, record, signal);
  if (content === undefined) return;
  const attributes = { signal: String(ending.number) };
  recordContainer(context, "kill", { container: record, attributes });
  await end(context, record, { content, ending, signal });
  recordContainer(context, "stop", { container: record });
}

/** Whether it is over what the keeper said of. One with `remove` is gone, then. */
async function isOver(
  context: EngineContext,
  record: ContainerRecord,
  { content, signal }: EndRequest,
): Promise<boolean> {
  try {
    const now = await keeperOf(context, record, signal);
    return now === undefined || now.startedAt !== content.startedAt || isAgain(now, content);
  } catch (error) {
    if (isMarmitaError(error, "NOT_FOUND")) return true;
    throw error;
  }
}

/** It has ended since, and somebody else wants it to be started again. */
function isAgain(now: LiveContent, before: LiveContent): boolean {
  return now.restarting === true && before.restarting !== true;
}

export function stopSignalOf({ confinement, inherited }: ContainerRecord): number {
  const { stopSignal = inherited.StopSignal } = confinement;
  return (stopSignal === undefined ? undefined : parseSignal(String(stopSignal))) ?? SIGTERM;
}

/** What is not said is what the container was made with. */
export function endingFor(
  record: ContainerRecord,
  { stopSignal, timeoutMs }: Pick<StopOptions, "stopSignal" | "timeoutMs">,
): Ending {
  const asked = stopSignal === undefined ? undefined : parseSignal(String(stopSignal));
  const graceMs = timeoutMs ?? record.confinement.stopTimeoutMs ?? GRACE_MS;
  return { number: asked ?? stopSignalOf(record), graceMs: Math.max(graceMs, -1) };
}

interface EndRequest {
  /** What its keeper said last. */
  readonly content: LiveContent;
  readonly ending: Ending;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Its keeper is told, and keeps the time: it is killed then even if nobody waits for it any more.
 * Resolves when that run is over, or the pause before the next one.
 */
export async function end(
  context: EngineContext,
  record: ContainerRecord,
  request: EndRequest,
): Promise<void> {
  const patience = new Patience();
  for (;;) {
    const isTold = await tellKeeper(context, record, request);
    if (!isTold) return endWithoutKeeper(context, record, request);
    throwIfAborted(request.signal);
    if (await isOver(context, record, request)) return;
    await patience.wait(request.signal);
  }
}

/** False when it does not listen. */
async function tellKeeper(
  context: EngineContext,
  record: ContainerRecord,
  { content, ending, signal }: EndRequest,
): Promise<boolean> {
  let onDeath: () => void = () => undefined;
  const died = new Promise<void>((resolve) => (onDeath = resolve));
  using connection = await speakToKeeper(context, record, {
    signal,
    onEvent: ({ event }) => event === "died" && onDeath(),
  });
  if (connection === undefined) return false;
  const words = ending.graceMs < 0 ? "" : ` ${ending.graceMs}`;
  const unhook = signal && onAbort(signal, () => connection.close());
  try {
    await connection.order(`end ${ending.number}${words}`);
    if (content.paused === true) await letGoOn(context, record); // to hear of it
    await Promise.race([died, connection.ended]);
    return true;
  } finally {
    unhook?.();
  }
}

/** One that is paused, as Docker does it: unless it has ended by now, or somebody else was faster. */
export async function letGoOn(context: EngineContext, record: ContainerRecord): Promise<void> {
  const { releaseContainer } = await import("./hold.ts");
  try {
    await releaseContainer(context, record, {});
  } catch (error) {
    if (!isMarmitaError(error)) throw error;
  }
}

/** Where its socket could not be made, or has gone with it just now. */
async function endWithoutKeeper(
  context: EngineContext,
  record: ContainerRecord,
  request: EndRequest,
): Promise<void> {
  const { content, signal } = request;
  const { number, graceMs } = request.ending;
  const deadline = graceMs < 0 ? Infinity : performance.now() + graceMs;
  const patience = new Patience();
  signalFirst(context, record, number);
  while (!(await isOver(context, record, request))) {
    if (performance.now() >= deadline) endKeeper(content);
    await patience.wait(signal);
  }
}
