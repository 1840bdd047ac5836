/** Ends a container's process and starts it anew; starts it where it does not run. */
import { MarmitaError } from "../errors.ts";
import { onAbort, throwIfAborted } from "../util/abort.ts";
import type { EngineContext } from "./context.ts";
import { recordContainer } from "./events.ts";
import { keeperOf, speakToKeeper } from "./keepers.ts";
import type { LiveContent } from "./live.ts";
import type { ContainerRecord } from "./records.ts";
import { startContainer } from "./start.ts";
import type { StopOptions } from "./lifecycle-options.ts";
import { type Ending, endingFor, letGoOn, stopContainer } from "./stop.ts";
import { stateOf } from "./container-state.ts";

/**
 * The keeper of one that runs starts it anew: whoever is attached stays so, and to whom it belongs it
 * still does. Else it is started, and belongs to nobody. Throws `START_FAILED` as `start` does.
 */
export async function restartContainer(
  context: EngineContext,
  record: ContainerRecord,
  options: StopOptions,
): Promise<void> {
  const { signal } = options;
  throwIfAborted(signal);
  const content = await keeperOf(context, record, signal);
  const ending = endingFor(record, options);
  const isDone =
    content !== undefined && (await byKeeper(context, record, { content, ending, signal }));
  if (!isDone) {
    await stopContainer(context, record, options); // of a keeper that does not listen
    const started = await startContainer(context, record, {
      detach: true,
      ...(signal && { signal }),
    });
    await started[Symbol.asyncDispose]();
  }
  recordContainer(context, "restart", { container: record });
}

interface RestartRequest {
  /** What its keeper said last. */
  readonly content: LiveContent;
  readonly ending: Ending;
  readonly signal: AbortSignal | undefined;
}

/** False when its keeper does not listen, or ended before it was told. */
async function byKeeper(
  context: EngineContext,
  record: ContainerRecord,
  { content, ending, signal }: RestartRequest,
): Promise<boolean> {
  let onStart: (isStarted: true) => void = () => undefined;
  const started = new Promise<true>((resolve) => (onStart = resolve));
  using connection = await speakToKeeper(context, record, {
    signal,
    onEvent: ({ event }) => event === "started" && onStart(true),
  });
  if (connection === undefined) return false;
  const words = ending.graceMs < 0 ? "" : ` ${ending.graceMs}`;
  const unhook = signal && onAbort(signal, () => connection.close());
  try {
    if (!(await connection.order(`again ${ending.number}${words}`))) {
      throwIfAborted(signal);
      return false;
    }
    if (content.paused === true) await letGoOn(context, record); // to hear of it
    const attributes = { signal: String(ending.number) };
    recordContainer(context, "kill", { container: record, attributes });
    const outcome = await Promise.race([started, connection.ended]);
    throwIfAborted(signal);
    if (outcome !== true) throw await notStarted(context, record);
    return true;
  } finally {
    unhook?.();
  }
}

/** Its keeper ended instead: its command could not begin again, or it was killed. */
async function notStarted(context: EngineContext, record: ContainerRecord): Promise<MarmitaError> {
  const { exitCode = 125, error } = await stateOf(context, record);
  const why = error ?? "it was ended before it could be started again";
  return new MarmitaError("START_FAILED", `container ${record.name} did not restart: ${why}`, {
    details: { container: record.id, exitCode },
  });
}
