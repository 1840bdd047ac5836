/** What a container changed in the files of its image. */
import { type Change, type UpperDirectory, diffLayers } from "../layers/diff.ts";
import type { EngineContext } from "./context.ts";
import { noSuchContainer } from "./find.ts";
import { type ContainerRecord, findRecord } from "./records.ts";
import { type Level, stackChanges } from "./stacked-changes.ts";
import { levelsOf, writableLayer } from "./writable-layer.ts";
import { lockWritable } from "./writable-lock.ts";

export interface DiffOptions {
  readonly signal?: AbortSignal | undefined;
}

type Differences = (uppers: readonly UpperDirectory[]) => Promise<readonly Change[]>;

/** From the lowest up. */
async function levelChanges(
  levels: readonly UpperDirectory[],
  differences: Differences,
): Promise<readonly Level[]> {
  const image = levels.at(-1)?.lowers ?? [];
  const stacked = levels.map(async (level) => ({
    changes: await differences([level]),
    againstImage: (anew: readonly string[]) => differences([{ ...level, lowers: image, anew }]),
  }));
  return (await Promise.all(stacked)).reverse();
}

export async function diffContainer(
  context: EngineContext,
  record: ContainerRecord,
  { signal }: DiffOptions,
): Promise<readonly Change[]> {
  using _held = await lockWritable(context.paths, record, { mode: "shared", signal });
  const layer = await writableLayer(context, record);
  const { namespace, driver } = layer;
  const differences = (uppers: readonly UpperDirectory[]) => {
    return diffLayers(namespace, { uppers, driver, signal });
  };
  try {
    const [top, ...frozen] = levelsOf(layer);
    if (top === undefined || frozen.length === 0) return await differences(layer.uppers);
    return await stackChanges(await levelChanges([top, ...frozen], differences));
  } catch (error) {
    // Whoever removed it meanwhile took its files first.
    if ((await findRecord(context.paths, record.id)) !== undefined) throw error;
    throw noSuchContainer(record.name);
  }
}
