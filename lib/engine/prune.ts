/** Removes what nobody needs: stopped containers, images, anonymous volumes, leftovers. */
import { isMarmitaError } from "../errors.ts";
import { removeTree } from "../layers/inside.ts";
import type { PrunedImages } from "../images/prune.ts";
import { volumeData } from "../runtime/compile-volumes.ts";
import type { Paths } from "../store/paths.ts";
import { throwIfAborted } from "../util/abort.ts";
import type { EngineContext } from "./context.ts";
import { record } from "./events.ts";
import { notePruned } from "./image-events.ts";
import { removeLeftovers } from "./leftovers.ts";
import { lookAtLive } from "./live.ts";
import { type PruneFilter, pruneTest } from "./prune-filter.ts";
import { type ContainerRecord, findRecord, listIds } from "./records.ts";
import { removeContainer } from "./remove.ts";
import { withdrawUnusedSnapshots } from "./snapshots.ts";
import { recordVolumePrune } from "./volume-events.ts";
import type { VolumeRecord } from "./volume-record.ts";
import { withdrawUnusedVolumes } from "./volumes.ts";
import { sizesOf, writableTrees } from "./writable-trees.ts";

export interface PruneContainersOptions extends PruneFilter {
  readonly signal?: AbortSignal;
}

export interface PruneImagesOptions extends PruneFilter {
  /** Also images that have a name, when no container needs them. Default: false. */
  readonly all?: boolean;
  readonly signal?: AbortSignal;
}

export interface PruneVolumesOptions extends PruneFilter {
  /** Also those with a name of somebody's choice. Default: false. */
  readonly all?: boolean;
  readonly signal?: AbortSignal;
}

export interface PruneSystemOptions extends PruneImagesOptions {
  /** Also anonymous volumes that no container has. Not together with `until`. Default: false. */
  readonly volumes?: boolean;
}

export interface PrunedContainers {
  /** Ids. */
  readonly containers: readonly string[];
  /** What they had written. */
  readonly reclaimedBytes: number;
}

export interface PrunedVolumes {
  /** Names. */
  readonly volumes: readonly string[];
  readonly reclaimedBytes: number;
}

export interface PrunedSystem extends PrunedContainers, PrunedImages, PrunedVolumes {}

/** All that do not run. One that somebody starts or removes meanwhile is left to him. */
export async function pruneContainers(
  context: EngineContext,
  { signal, ...filter }: PruneContainersOptions,
): Promise<PrunedContainers> {
  const { paths } = context;
  const may = pruneTest(filter);
  const stopped = (await listStopped(paths)).filter(({ createdAt, labels }) =>
    may({ created: createdAt, labels }),
  );
  const trees = await Promise.all(stopped.map((one) => writableTrees(paths, one)));
  const sizes = await sizesOf(context, trees);
  const containers: string[] = [];
  let reclaimedBytes = 0;
  for (const [at, container] of stopped.entries()) {
    throwIfAborted(signal);
    if (!(await removeStopped(context, container))) continue;
    containers.push(container.id);
    reclaimedBytes += sizes[at] ?? 0;
  }
  const attributes = { reclaimed: String(reclaimedBytes) };
  record(context, { type: "container", action: "prune", id: "", attributes });
  return { containers, reclaimedBytes };
}

/** Without those that somebody works on. */
async function listStopped(paths: Paths): Promise<readonly ContainerRecord[]> {
  const records: ContainerRecord[] = [];
  for (const id of await listIds(paths)) {
    if (lookAtLive(paths, id)?.isHeld === true) continue;
    const record = await findRecord(paths, id);
    if (record !== undefined) records.push(record);
  }
  return records;
}

async function removeStopped(context: EngineContext, record: ContainerRecord): Promise<boolean> {
  try {
    await removeContainer(context, record);
    return true;
  } catch (error) {
    if (isMarmitaError(error, "CONFLICT")) return false; // it was started
    throw error;
  }
}

/** Those without a name, or all, that no container needs; with what nothing leads to. */
export async function pruneImages(
  context: EngineContext,
  { all, signal, ...filter }: PruneImagesOptions,
): Promise<PrunedImages> {
  const pruned = await context.library.prune({
    may: pruneTest(filter),
    ...(all === undefined ? {} : { all }),
    signal,
  });
  notePruned(context, pruned);
  return pruned;
}

/** Anonymous ones that no container has; with `all`, also those with a name. */
export async function pruneVolumes(
  context: EngineContext,
  { all = false, signal, ...filter }: PruneVolumesOptions,
): Promise<PrunedVolumes> {
  const test = pruneTest(filter);
  const may = ({ anonymous, createdAt, labels }: VolumeRecord) => {
    return (all || anonymous) && test({ created: createdAt, labels });
  };
  const { names, trashed } = await withdrawUnusedVolumes(context.paths, may, signal);
  const [reclaimedBytes = 0] = await sizesOf(context, [trashed.map(volumeData)]);
  if (trashed.length > 0) await removeTree((await context.mapped()).namespace, trashed);
  recordVolumePrune(context.paths, reclaimedBytes);
  throwIfAborted(signal);
  return { volumes: names, reclaimedBytes };
}

/** Those whose containers a power cut took away. */
async function pruneSnapshots(context: EngineContext): Promise<void> {
  const trashed = await withdrawUnusedSnapshots(context.paths);
  if (trashed.length > 0) await removeTree((await context.mapped()).namespace, trashed);
}

/** Containers first: what they needed may go with them. */
export async function pruneSystem(
  context: EngineContext,
  { volumes = false, ...options }: PruneSystemOptions,
): Promise<PrunedSystem> {
  const { all: _, ...forContainers } = options;
  const containers = await pruneContainers(context, forContainers);
  await removeLeftovers(context.paths, options.signal);
  await pruneSnapshots(context);
  const pruned = volumes ? await pruneVolumes(context, forContainers) : NO_VOLUMES;
  const images = await pruneImages(context, options);
  const parts = [containers, pruned, images];
  const reclaimedBytes = parts.reduce((sum, part) => sum + part.reclaimedBytes, 0);
  return { ...containers, ...pruned, ...images, reclaimedBytes };
}

const NO_VOLUMES: PrunedVolumes = { volumes: [], reclaimedBytes: 0 };
