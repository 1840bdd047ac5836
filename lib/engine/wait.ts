/** Waits for the end of a container's process, or of the container. */
import { readFile } from "node:fs/promises";
import { isMarmitaError } from "../errors.ts";
import { type KeeperExit, exitOf } from "../runtime/keeper-socket.ts";
import { onAbort, throwIfAborted } from "../util/abort.ts";
import { Changes } from "../util/changes.ts";
import { stateOf } from "./container-state.ts";
import type { EngineContext } from "./context.ts";
import { eventFiles, parseEventLine } from "./event-log.ts";
import { keeperOf, speakToKeeper } from "./keepers.ts";
import type { WaitOptions, WaitResult } from "./lifecycle-options.ts";
import type { LiveContent } from "./live.ts";
import type { ContainerRecord } from "./records.ts";

/** Throws `NOT_FOUND` when it was removed before; one that is removed meanwhile has ended. */
export async function waitFor(
  context: EngineContext,
  record: ContainerRecord,
  { condition = "not-running", signal }: WaitOptions,
): Promise<WaitResult> {
  throwIfAborted(signal);
  using changes = new Changes(context.paths.live, record.id);
  const before = await lastEnd(context, record);
  let seen: WaitResult | undefined;
  for (;;) {
    const content = await keeperIfThere(context, record, signal);
    if (content !== undefined) {
      const ended = await endOf(context, record, { content, changes, signal });
      if (ended !== undefined) seen = { exitCode: ended.exitCode };
      if (ended !== undefined && condition !== "removed") return { exitCode: ended.exitCode };
      continue;
    }
    const now = await lastEnd(context, record).catch(unlessGone);
    if (now === undefined) return seen ?? (await toldEnd(context, record)) ?? before.result;
    const isNew = now.finishedAt !== before.finishedAt;
    if (condition === "not-running" || (condition === "next-exit" && isNew)) return now.result;
    if (isNew) seen = now.result;
    await changes.next(signal);
  }
}

function unlessGone(error: unknown): undefined {
  if (!isMarmitaError(error, "NOT_FOUND")) throw error;
}

interface LastEnd {
  readonly result: WaitResult;
  /** Tells one end from another. */
  readonly finishedAt: string | undefined;
}

async function lastEnd(context: EngineContext, record: ContainerRecord): Promise<LastEnd> {
  const { exitCode = 0, error, finishedAt } = await stateOf(context, record);
  return { result: { exitCode, ...(error === undefined ? {} : { error }) }, finishedAt };
}

/** Of one that began, ended and went between two looks at it. */
async function toldEnd({ paths }: EngineContext, { id }: ContainerRecord) {
  for (const path of eventFiles(paths)) {
    const lines = (await readFile(path, "utf8").catch(() => "")).split("\n");
    for (const line of lines.reverse()) {
      const event = line.includes(id) ? parseEventLine(line) : undefined;
      if (event?.Action !== "die" || event.Actor.ID !== id) continue;
      return { exitCode: Number(event.Actor.Attributes["exitCode"]) || 0 };
    }
  }
  return undefined;
}

async function keeperIfThere(
  context: EngineContext,
  record: ContainerRecord,
  signal?: AbortSignal,
): Promise<LiveContent | undefined> {
  try {
    return await keeperOf(context, record, signal);
  } catch (error) {
    if (isMarmitaError(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}

interface EndRequest {
  readonly content: LiveContent;
  readonly changes: Changes;
  readonly signal: AbortSignal | undefined;
}

/** Of the run that `content` tells of. `undefined` where the keeper did not say how: then its
 * record does. */
async function endOf(
  context: EngineContext,
  record: ContainerRecord,
  request: EndRequest,
): Promise<KeeperExit | undefined> {
  const { signal } = request;
  let onDeath: (exit: KeeperExit) => void = () => undefined;
  const died = new Promise<KeeperExit>((resolve) => (onDeath = resolve));
  using connection = await speakToKeeper(context, record, {
    signal,
    onEvent: (event) => event.event === "died" && onDeath(exitOf(event)),
  });
  if (connection === undefined) return await endWithoutKeeper(context, record, request);
  const unhook = signal && onAbort(signal, () => connection.close());
  try {
    const exit = await Promise.race([died, connection.ended]);
    throwIfAborted(signal);
    return exit;
  } finally {
    unhook?.();
  }
}

/** Where it does not listen. */
async function endWithoutKeeper(
  context: EngineContext,
  record: ContainerRecord,
  { content, changes, signal }: EndRequest,
): Promise<KeeperExit | undefined> {
  for (;;) {
    const now = await keeperIfThere(context, record, signal);
    if (now === undefined || now.startedAt !== content.startedAt) return undefined;
    if (now.restarting === true && content.restarting !== true) {
      return { exitCode: now.exitCode ?? 0, signal: null };
    }
    await changes.next(signal);
  }
}
