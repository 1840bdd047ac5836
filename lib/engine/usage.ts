/** How much room all of it takes: `docker system df`. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isMarmitaError } from "../errors.ts";
import type { ImageUsage } from "../images/usage.ts";
import { stateOf } from "./container-state.ts";
import type { EngineContext } from "./context.ts";
import { type ContainerRecord, findRecord, listIds } from "./records.ts";
import { type ContainerState, isAlive } from "./state.ts";
import { usersOf } from "./volume-users.ts";
import { listVolumes } from "./volumes.ts";
import { sizesOf, writableTrees } from "./writable-trees.ts";

/** Of one kind of things. */
export interface Usage<Item> {
  /** The largest first. */
  readonly items: readonly Item[];
  /** How many are in use: images with containers, containers that run, volumes of containers. */
  readonly active: number;
  readonly bytes: number;
  /** Of these, what those take that are not in use. */
  readonly reclaimableBytes: number;
}

export interface ContainerUsage extends ContainerRecord {
  readonly state: ContainerState;
  /** What it has written. */
  readonly bytes: number;
}

export interface VolumeUsage {
  readonly name: string;
  /** How many containers have it. */
  readonly containers: number;
  readonly bytes: number;
}

export interface DiskUsage {
  /** `bytes` is more than the sizes of the images: their blobs are kept, too. */
  readonly images: Usage<ImageUsage>;
  readonly containers: Usage<ContainerUsage>;
  readonly volumes: Usage<VolumeUsage>;
  /** Blobs and layers that nothing leads to, and pulls broken off: pruning images takes them away. */
  readonly garbage: { readonly count: number; readonly bytes: number };
}

export async function diskUsage(context: EngineContext): Promise<DiskUsage> {
  const { garbage, items, bytes, reclaimableBytes } = await context.library.usage();
  const active = items.filter((image) => image.containers > 0).length;
  return {
    images: { items: largestFirst(items), active, bytes, reclaimableBytes },
    containers: await containersUsage(context),
    volumes: await volumesUsage(context),
    garbage,
  };
}

async function containersUsage(context: EngineContext): Promise<Usage<ContainerUsage>> {
  const { paths } = context;
  const alive = new Set(await readdir(paths.live));
  const found: (ContainerRecord & { readonly state: ContainerState })[] = [];
  for (const id of await listIds(paths)) {
    const record = await findRecord(paths, id);
    const state = record && (await stateOf(context, record, alive).catch(ifGone));
    if (record && state) found.push({ ...record, state });
  }
  const trees = await Promise.all(found.map((record) => writableTrees(paths, record)));
  const sizes = await sizesOf(context, trees);
  const items = found.map((one, at) => ({ ...one, bytes: sizes[at] ?? 0 }));
  return usage(items, ({ state }) => isAlive(state));
}

function ifGone(error: unknown): undefined {
  if (!isMarmitaError(error, "NOT_FOUND")) throw error;
}

async function volumesUsage(context: EngineContext): Promise<Usage<VolumeUsage>> {
  const { paths } = context;
  const names = await listVolumes(paths);
  const sizes = await sizesOf(
    context,
    names.map((name) => [join(paths.volume(name), "_data")]),
  );
  const items = names.map(async (name, at) => {
    const containers = (await usersOf(paths, name)).length;
    return { name, containers, bytes: sizes[at] ?? 0 };
  });
  return usage(await Promise.all(items), ({ containers }) => containers > 0);
}

function usage<Item extends { readonly bytes: number }>(
  items: readonly Item[],
  isActive: (item: Item) => boolean,
): Usage<Item> {
  const total = (some: readonly Item[]) => some.reduce((sum, { bytes }) => sum + bytes, 0);
  return {
    items: largestFirst(items),
    active: items.filter(isActive).length,
    bytes: total(items),
    reclaimableBytes: total(items.filter((item) => !isActive(item))),
  };
}

function largestFirst<Item extends { readonly bytes: number }>(items: readonly Item[]): Item[] {
  return items.toSorted((one, other) => other.bytes - one.bytes);
}
