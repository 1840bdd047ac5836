/** All processes of a container stand still for a while: what is read of its files belongs together. */
import { join } from "node:path";
import { MarmitaError } from "../errors.ts";
import { type HelperEvent, HelperFailure, Helper } from "../native/helper.ts";
import type { EngineContext } from "./context.ts";
import { abortError, onAbort } from "../util/abort.ts";
import { homeOf } from "./kept-context.ts";
import { type ContainerRecord, findRecord } from "./records.ts";

/** A container that stands still until this is disposed of, or this process is no more. */
export interface Pause extends AsyncDisposable {
  /** How many processes there are; none in a container that does not run. */
  readonly processes: number;
}

/**
 * Resolves when all stand still; what stood still before keeps doing so in the end. A container
 * that does not run is as still as can be. Throws `UNAVAILABLE` when one of its processes cannot be
 * stopped, and then none is. While somebody else pauses it, that is waited for.
 */
export async function pauseContainer(
  context: EngineContext,
  record: ContainerRecord,
  signal?: AbortSignal,
): Promise<Pause> {
  const { paths } = context;
  const { namespace } = await (await homeIn(context, record)).mapped();
  // fuse-overlayfs keeps in memory what is written to files that are open.
  const sync = record.isolation.rootfs === "fuse-overlayfs" ? ["sync"] : [];
  const helper = Helper.start("pause", {
    title: `marmita: pause ${record.name}`,
    args: ["--userns", join(paths.live, record.id), record.name, ...sync],
    extra: [namespace.fd],
  });
  const forget = signal && onAbort(signal, () => helper.send("continue"));
  const first = await helper.events[Symbol.asyncIterator]().next();
  forget?.();
  if (signal?.aborted === true) {
    helper.send("continue");
    await helper.ended;
    throw abortError(signal);
  }
  const processes = countIn(first.done === true ? undefined : first.value, record.name);
  let ending: Promise<void> | undefined;
  const goOn = async (): Promise<void> => {
    helper.send("continue");
    await helper.ended;
  };
  return {
    processes,
    [Symbol.asyncDispose]: () => (ending ??= goOn()),
  };
}

/** Whoever starts it must be root over its namespace: that of the container it shares others with. */
export async function homeIn(
  context: EngineContext,
  record: ContainerRecord,
): Promise<EngineContext> {
  const [joined] = record.joins ?? [];
  const { image, confinement } =
    (joined === undefined ? undefined : await findRecord(context.paths, joined)) ?? record;
  return (await homeOf(context, { image: image.name, userns: confinement.userns })).context;
}

function countIn(event: HelperEvent | undefined, name: string): number {
  if (event?.event === "paused") return Number(event["processes"]);
  const cause = new HelperFailure(event ?? { event: "failed", what: "the helper died" });
  throw new MarmitaError("UNAVAILABLE", `cannot pause container ${name}: ${cause.message}`, {
    step: "pause",
    cause,
    ...(cause.errno !== "" && { errno: cause.errno }),
    hint: "Stop the container, or do it without a pause: --pause=false, or the option pause.",
  });
}
