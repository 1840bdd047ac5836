/** A new container over what another one has written: in its place, while nobody notices. */
import { opendir } from "node:fs/promises";
import { join } from "node:path";
import { MarmitaError, isMarmitaError } from "../errors.ts";
import { throwIfAborted } from "../util/abort.ts";
import { Patience } from "../util/patience.ts";
import { errnoOf, isMissing } from "../util/system-error.ts";
import { checkCreateOptions } from "./checks.ts";
import type { CreateOptions } from "./container-options.ts";
import type { EngineContext } from "./context.ts";
import { type Created, type CreateRequest, createContainer } from "./create.ts";
import { noSuchContainer } from "./find.ts";
import { type ForkOptions, forkedMounts, mergedOptions } from "./fork-options.ts";
import { type ForkSource, forkRoot } from "./fork-root.ts";
import { homeOf } from "./kept-context.ts";
import { type Live, claimLive, lookAtLive } from "./live.ts";
import { pauseContainer } from "./pause.ts";
import { type ContainerRecord, findRecord } from "./records.ts";
import { freezeContainer } from "./settle-fork.ts";
import { sweepOne } from "./sweep.ts";
import { lockWritable } from "./writable-lock.ts";

/** The kernel takes a page of options, in which some 200 directories have room. */
const MOST_LAYERS = 160;

/** The container was started, stopped or forked by somebody else in the middle: once more. */
class Changed extends Error {}

const MOST_TRIES = 100;

export interface ForkRequest {
  /** Checked. */
  readonly options: ForkOptions;
  /** What the fork is made for. */
  readonly purpose: CreateRequest["purpose"];
  /** With the purpose `start`. */
  readonly start?: CreateRequest["start"];
}

/**
 * A stopped container's writable layer becomes a snapshot below both; one that runs is paused while
 * its layer is copied. Throws `NOT_FOUND` for a container that is gone.
 */
export async function forkContainer(
  context: EngineContext,
  { id, name }: Pick<ContainerRecord, "id" | "name">,
  request: ForkRequest,
): Promise<Created> {
  const { signal } = request.options;
  const patience = new Patience();
  for (let tries = 1; ; tries++) {
    throwIfAborted(signal);
    const record = await findRecord(context.paths, id);
    if (record === undefined) throw noSuchContainer(name);
    try {
      return await forkNow(context, record, request);
    } catch (error) {
      if (isMarmitaError(error, "NOT_FOUND") && !(await isThere(context, id))) {
        throw noSuchContainer(name);
      }
      if (!(error instanceof Changed)) throw error;
      if (tries === MOST_TRIES) throw neverStill(record);
    }
    await patience.wait(signal);
  }
}

async function isThere({ paths }: EngineContext, id: string): Promise<boolean> {
  return (await findRecord(paths, id)) !== undefined;
}

function neverStill({ id, name }: ContainerRecord): MarmitaError {
  return new MarmitaError("CONFLICT", `container ${name} is started and stopped all the time`, {
    hint: "Stop it, fork it, and start it again.",
    details: { container: id },
  });
}

async function forkNow(
  context: EngineContext,
  record: ContainerRecord,
  request: ForkRequest,
): Promise<Created> {
  const live = lookAtLive(context.paths, record.id);
  if (live !== undefined && !live.isHeld) await sweepOne(context, record.id);
  const { purpose, startedAt } = live?.isHeld === true ? live.content : {};
  if (startedAt !== undefined) return forkRunning(context, record, request);
  const { mounts } = request.options;
  const hasVolumes = forkedMounts(record.mounts, mounts ?? []).copies.length > 0;
  // Nobody can start one that is held, so nothing in its volumes changes either.
  if ((!hasVolumes || purpose === "hold") && (await isFrozen(context, record))) {
    return make(context, request, { record, copiesUpper: false, hold: (copy) => copy() });
  }
  return forkStopped(context, record, { request, hasVolumes });
}

/**
 * Whether all that it has written lies in its snapshots. Whoever is about to change that holds its
 * live file, and has changed the record in the end.
 */
async function isFrozen({ paths }: EngineContext, record: ContainerRecord): Promise<boolean> {
  if (record.image.id === undefined) return false;
  if (!(await isEmpty(join(paths.container(record.id), "upper")))) return false;
  if (lookAtLive(paths, record.id)?.content.purpose === "fork") return false;
  const now = await findRecord(paths, record.id);
  return now !== undefined && String(now.snapshots) === String(record.snapshots);
}

async function isEmpty(directory: string): Promise<boolean> {
  try {
    const opened = await opendir(directory);
    try {
      return (await opened.read()) === null;
    } finally {
      await opened.close();
    }
  } catch (error) {
    if (isMissing(error)) throw new Changed();
    if (errnoOf(error) === "EACCES") return false; // its container may have forbidden it
    throw error;
  }
}

async function forkRunning(
  context: EngineContext,
  record: ContainerRecord,
  request: ForkRequest,
): Promise<Created> {
  const { signal } = request.options;
  const runs = () => {
    const { isHeld, content } = lookAtLive(context.paths, record.id) ?? {};
    return isHeld === true ? `${content?.pid} ${content?.startedAt}` : undefined;
  };
  const hold = async (copy: () => Promise<void>): Promise<void> => {
    const before = runs();
    using _held = await lockWritable(context.paths, record, { mode: "shared", signal });
    await using paused = await pauseContainer(context, record, signal);
    if (before === undefined || paused.processes === 0) throw new Changed();
    await copy();
    if (runs() !== before) throw new Changed(); // killed meanwhile, and perhaps started again
  };
  return make(context, request, { record, copiesUpper: true, hold });
}

interface Stopped {
  readonly request: ForkRequest;
  readonly hasVolumes: boolean;
}

async function forkStopped(
  context: EngineContext,
  asked: ContainerRecord,
  { request, hasVolumes }: Stopped,
): Promise<Created> {
  const live = claimLive(context.paths, asked.id, { purpose: "fork", name: asked.name });
  if (live === undefined) throw new Changed();
  try {
    const source = await frozen(context, asked, live);
    const isShared = !source.copiesUpper && !hasVolumes;
    if (isShared) live.finish(); // what it writes from now on is not the fork's
    const forked = await make(context, request, { ...source, hold: (copy) => copy() });
    if (!isShared) live.finish();
    return forked;
  } catch (error) {
    live.close(); // where the file stays, the next sweep looks whether something is left to do
    await sweepOne(context, asked.id).catch(() => undefined);
    throw error;
  }
}

/** The caller holds its live file. */
async function frozen(
  context: EngineContext,
  { id, name }: ContainerRecord,
  live: Live,
): Promise<Pick<ForkSource, "record" | "copiesUpper">> {
  const { paths } = context;
  const record = await findRecord(paths, id);
  if (record === undefined) throw noSuchContainer(name);
  if (record.image.id === undefined) return { record, copiesUpper: true };
  if (await isEmpty(join(paths.container(id), "upper"))) return { record, copiesUpper: false };
  const layers = record.image.layers.length + (record.snapshots ?? []).length;
  if (layers >= MOST_LAYERS) return { record, copiesUpper: true };
  return { record: await freezeContainer(context, record, live), copiesUpper: false };
}

/** The same for one that was just made, and is not to be started. */
export async function freezeNew(
  context: EngineContext,
  { record, live }: Created,
): Promise<ContainerRecord> {
  return (await frozen(context, record, live)).record;
}

async function make(
  context: EngineContext,
  { options: { signal, ...given }, ...request }: ForkRequest,
  source: Pick<ForkSource, "record" | "copiesUpper" | "hold">,
): Promise<Created> {
  const { record } = source;
  const { mounts, copies } = forkedMounts(record.mounts, given.mounts ?? []);
  const options = mergedOptions(recordedIn(record), given);
  checkCreateOptions({ ...options, mounts: given.mounts ?? [] });
  const { mapping } = await (await homeOf(context, options)).context.mapped();
  if (mapping.mode !== record.isolation.ids) throw otherIds(record);
  const root: ForkSource = {
    ...source,
    volumes: copies,
    durable: options.remove !== true,
    signal,
  };
  return createContainer(context, {
    ...request,
    options: { ...options, mounts },
    from: (home) => forkRoot(context, root, home),
    signal,
  });
}

function recordedIn({ options, image, name }: ContainerRecord): CreateOptions {
  if (options !== undefined) return { ...options, image: image.name };
  throw new MarmitaError(
    "UNSUPPORTED",
    `container ${name} was made by another version of marmita`,
    {
      hint: "Commit it, and make containers of that image.",
    },
  );
}

function otherIds({ id, name, isolation }: ContainerRecord): MarmitaError {
  const message = `the files of container ${name} are those of other ids: ${isolation.ids}`;
  return new MarmitaError("UNSUPPORTED", message, {
    hint: "Open the engine with the ids that the container was made with.",
    details: { container: id },
  });
}
