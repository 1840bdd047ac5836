/** The containers of a data root, looked at all at once. */
import { readdir } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { isMarmitaError } from "../errors.ts";
import { stateOf } from "./container-state.ts";
import {
  type ContainerFilters,
  type ListContainersOptions,
  byAge,
  containerTest,
  idTest,
  isOfLiveOnly,
} from "./container-filters.ts";
import { type ContainerSize, containerSizes } from "./container-sizes.ts";
import type { EngineContext } from "./context.ts";
import { type ContainerRecord, findRecord, listIds } from "./records.ts";
import type { ContainerState } from "./state.ts";

/** One line of `ps`. */
export interface ContainerSummary extends ContainerRecord {
  readonly state: ContainerState;
  /** When it was asked for. */
  readonly size?: ContainerSize;
}

/** How many are looked at before others have their turn. */
const AT_ONCE = 32;

/** The newest first. */
export async function listContainers(
  context: EngineContext,
  { last, size = false, ...filters }: ListContainersOptions,
): Promise<readonly ContainerSummary[]> {
  const passes = await containerTest(context, filters);
  const all = await summaries(context, filters);
  const found = all.filter(passes).sort(byAge).slice(0, last);
  return size ? withSizes(context, found) : found;
}

async function withSizes(
  context: EngineContext,
  list: readonly ContainerSummary[],
): Promise<readonly ContainerSummary[]> {
  const sizes = await containerSizes(context, list);
  return list.map((one, at) => {
    const size = sizes[at];
    return size === undefined ? one : { ...one, size };
  });
}

async function summaries(
  context: EngineContext,
  filters: ContainerFilters,
): Promise<ContainerSummary[]> {
  const { paths } = context;
  const alive: ReadonlySet<string> = new Set(await readdir(paths.live));
  const mayBe = idTest(filters);
  const liveOnly = isOfLiveOnly(filters);
  const ids = (await listIds(paths)).filter((id) => mayBe(id) && (!liveOnly || alive.has(id)));
  const found: ContainerSummary[] = [];
  for (const [at, id] of ids.entries()) {
    if (at % AT_ONCE === AT_ONCE - 1) await setImmediate();
    const summary = await summaryOf(context, id, alive);
    if (summary !== undefined) found.push(summary);
  }
  return found;
}

/** `undefined` for one that is removed meanwhile. */
async function summaryOf(
  context: EngineContext,
  id: string,
  alive: ReadonlySet<string>,
): Promise<ContainerSummary | undefined> {
  try {
    const record = await findRecord(context.paths, id);
    return record && { ...record, state: await stateOf(context, record, alive) };
  } catch (error) {
    if (isMarmitaError(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}
