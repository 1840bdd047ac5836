/** Waits for the end of a container's process, or of the container. */
import { isMarmitaError } from "../errors.ts";
import { type KeeperExit, exitOf } from "../runtime/keeper-socket.ts";
import { onAbort, throwIfAborted } from "../util/abort.ts";
import { Changes } from "../util/changes.ts";
import { stateOf } from "./container-state.ts";
import type { EngineContext } from "./context.ts";
import { keeperOf, speakToKeeper } from "./keepers.ts";
import type { WaitOptions, WaitResult } from "./lifecycle-options.ts";
import type { LiveContent } from "./live.ts";
import { type ContainerRecord, findRecord } from "./records.ts";

/** Throws `NOT_FOUND` when it was removed before; one that is removed meanwhile has ended. */
export async function waitFor(
  context: EngineContext,
  record: ContainerRecord,
  { condition = "not-running", signal }: WaitOptions,
): Promise<WaitResult> {
  throwIfAborted(signal);
  let last = await lastExit(context, record);
  using changes = new Changes(context.paths.live, record.id);
  for (;;) {
    const content = await keeperIfThere(context, record, signal);
    if (content === undefined) {
      last = (await lastExit(context, record).catch(() => undefined)) ?? last;
      if (condition === "not-running") return last;
      if ((await findRecord(context.paths, record.id)) === undefined) return last;
      await changes.next(signal);
      continue;
    }
    const ended = await endOf(context, record, { content, changes, signal });
    if (ended !== undefined) last = { exitCode: ended.exitCode };
    else last = (await lastExit(context, record).catch(() => undefined)) ?? last;
    if (condition !== "removed") return last;
  }
}

async function lastExit(context: EngineContext, record: ContainerRecord): Promise<WaitResult> {
  const { exitCode = 0, error } = await stateOf(context, record);
  return { exitCode, ...(error === undefined ? {} : { error }) };
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
