/** What a container changed in the files of its image. */
import { type Change, diffLayers } from "../layers/diff.ts";
import type { EngineContext } from "./context.ts";
import { noSuchContainer } from "./find.ts";
import { type ContainerRecord, findRecord } from "./records.ts";
import { writableLayer } from "./writable-layer.ts";
import { lockWritable } from "./writable-lock.ts";

export interface DiffOptions {
  readonly signal?: AbortSignal | undefined;
}

export async function diffContainer(
  context: EngineContext,
  record: ContainerRecord,
  { signal }: DiffOptions,
): Promise<readonly Change[]> {
  using _held = await lockWritable(context.paths, record, { mode: "shared", signal });
  const { namespace, uppers, driver } = await writableLayer(context, record);
  try {
    return await diffLayers(namespace, { uppers, driver, signal });
  } catch (error) {
    // Whoever removed it meanwhile took its files first.
    if ((await findRecord(context.paths, record.id)) !== undefined) throw error;
    throw noSuchContainer(record.name);
  }
}
