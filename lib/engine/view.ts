/** A container's files, running or not, for as long as some work takes. */
import { join } from "node:path";
import { MarmitaError } from "../errors.ts";
import type { View } from "../layers/copy.ts";
import { HelperFailure, type UserNamespace } from "../native/helper.ts";
import { viewOperations } from "../runtime/view.ts";
import { throwIfAborted } from "../util/abort.ts";
import { Patience } from "../util/patience.ts";
import type { EngineContext } from "./context.ts";
import { noSuchContainer } from "./find.ts";
import { homeOf } from "./kept-context.ts";
import { type Live, type LiveContent, claimLive, lookAtLive } from "./live.ts";
import { type ContainerRecord, findRecord } from "./records.ts";
import { sweepOne } from "./sweep.ts";
import { readPlan } from "./writable-layer.ts";

/** Somebody starts it, ends it, or waits to start it again: that is waited for so long. */
const LONGEST_CHANGE_MS = 10_000;

/**
 * One that runs is looked into as it is. One that does not has its root mounted for `work`, and
 * nobody starts it meanwhile. Throws `NOT_FOUND` for one that is gone, `CONFLICT` for one that is
 * neither for long.
 */
export async function withView<T>(
  context: EngineContext,
  record: ContainerRecord,
  {
    work,
    signal,
  }: { readonly work: (view: View) => Promise<T>; readonly signal?: AbortSignal | undefined },
): Promise<T> {
  const { paths } = context;
  const patience = new Patience();
  const deadline = performance.now() + LONGEST_CHANGE_MS;
  for (;;) {
    throwIfAborted(signal);
    const live = lookAtLive(paths, record.id);
    if (live?.isHeld === true && isRunning(live.content)) {
      const seen = await ofRunning(context, record, work);
      if (seen !== ENDED) return seen.result;
    } else if (live?.isHeld !== true) {
      const claimed = await claim(context, record);
      if (claimed !== undefined) return ofStopped(context, { record, live: claimed, work });
    }
    if (performance.now() > deadline && live?.content.purpose !== "copy") throw isChanging(record);
    await patience.wait(signal);
  }
}

function isRunning({ startedAt, pid }: LiveContent): boolean {
  return startedAt !== undefined && pid !== undefined;
}

const ENDED = Symbol("the container has ended");

async function ofRunning<T>(
  context: EngineContext,
  record: ContainerRecord,
  work: (view: View) => Promise<T>,
): Promise<typeof ENDED | { readonly result: T }> {
  const live = join(context.paths.live, record.id);
  try {
    return { result: await work({ words: ["running", live, record.name] }) };
  } catch (error) {
    if (error instanceof HelperFailure && error.errno === "ESRCH") return ENDED;
    throw error;
  }
}

async function namespaceOf(
  context: EngineContext,
  { image, confinement }: ContainerRecord,
): Promise<UserNamespace> {
  const home = await homeOf(context, { image: image.name, userns: confinement.userns });
  return (await home.context.mapped()).namespace;
}

/** `undefined` when somebody was faster. */
async function claim(context: EngineContext, record: ContainerRecord): Promise<Live | undefined> {
  await sweepOne(context, record.id); // it may have died with its keeper
  if ((await findRecord(context.paths, record.id)) === undefined) {
    throw noSuchContainer(record.name);
  }
  return claimLive(context.paths, record.id, { purpose: "copy", name: record.name });
}

interface Stopped<T> {
  readonly record: ContainerRecord;
  readonly live: Live;
  readonly work: (view: View) => Promise<T>;
}

async function ofStopped<T>(
  context: EngineContext,
  { record, live, work }: Stopped<T>,
): Promise<T> {
  const bundle = context.paths.container(record.id);
  try {
    const operations = viewOperations(await readPlan(record, bundle));
    const words = ["stopped", join(bundle, "plan"), operations.join(",")];
    return await work({ words, namespace: await namespaceOf(context, record), held: live.fd });
  } finally {
    live.finish();
  }
}

function isChanging({ id, name }: ContainerRecord): MarmitaError {
  return new MarmitaError("CONFLICT", `container ${name} neither runs nor stands still`, {
    hint: "It is being started or restarted: stop it, or try again when it runs.",
    details: { container: id },
  });
}
