/** Sends a signal to a container. */
import { constants } from "node:os";
import { parseSignal } from "../runtime/signals.ts";
import { throwIfAborted } from "../util/abort.ts";
import { stateOf } from "./container-state.ts";
import type { EngineContext } from "./context.ts";
import { recordContainer } from "./events.ts";
import { keeperOf, notRunning, signalFirst, speakToKeeper } from "./keepers.ts";
import type { KillOptions, SignalName } from "./lifecycle-options.ts";
import type { ContainerRecord } from "./records.ts";
import type { LiveContent } from "./live.ts";
import { end, letGoOn, stopSignalOf } from "./stop.ts";

const SIGKILL = 9;

/**
 * To its first process. After a SIGKILL it resolves when the container has ended. By that, by TERM,
 * INT and QUIT and by its stop signal somebody wants it to end: then its policy does not start it again.
 */
export async function killContainer(
  context: EngineContext,
  record: ContainerRecord,
  { name, signal }: KillOptions & { readonly name: SignalName },
): Promise<void> {
  throwIfAborted(signal);
  const number = parseSignal(String(name)) ?? SIGKILL;
  const attributes = { signal: String(number) };
  for (;;) {
    const content = await keeperOf(context, record, signal);
    if (content === undefined) {
      throw notRunning(record, (await stateOf(context, record)).status);
    }
    if (number === SIGKILL) {
      recordContainer(context, "kill", { container: record, attributes });
      return end(context, record, { content, ending: { number, graceMs: 0 }, signal });
    }
    if (await send(context, record, { content, number })) break;
  }
  recordContainer(context, "kill", { container: record, attributes });
}

/** Whoever sends it means the end (lib/runtime/process-life.ts has the same). */
function isEnding(record: ContainerRecord, number: number): boolean {
  const { SIGTERM, SIGINT, SIGQUIT } = constants.signals;
  return [SIGTERM, SIGINT, SIGQUIT, stopSignalOf(record)].some((one) => one === number);
}

/** False when it has ended just now. */
async function send(
  context: EngineContext,
  record: ContainerRecord,
  { content, number }: { readonly content: LiveContent; readonly number: number },
): Promise<boolean> {
  using connection = await speakToKeeper(context, record);
  if (connection === undefined) {
    signalFirst(context, record, number);
    return true;
  }
  const isToEnd = isEnding(record, number);
  const isHeard = await connection.order(`${isToEnd ? "end" : "signal"} ${number}`);
  if (isToEnd && content.paused === true) await letGoOn(context, record);
  return isHeard;
}
