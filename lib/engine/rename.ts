/** Gives a container another name, running or not. */
import { MarmitaError } from "../errors.ts";
import { syncDirectory, writeAtomic } from "../store/atomic.ts";
import { throwIfAborted } from "../util/abort.ts";
import { isMissing } from "../util/system-error.ts";
import type { EngineContext } from "./context.ts";
import { recordContainer } from "./events.ts";
import { noSuchContainer } from "./find.ts";
import { claimLockedName, lockNames, nameInUse, releaseLockedName } from "./names.ts";
import { type ContainerRecord, encodeRecord, findRecord, recordPath } from "./records.ts";

export interface RenameOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Resolves to the record as it is now. Until the record is written the old name counts, and from
 * then on the new one: a kill in between leaves a link more, which means nothing to anybody.
 */
export async function renameContainer(
  context: EngineContext,
  { id, name: called }: Pick<ContainerRecord, "id" | "name">,
  { name, signal }: RenameOptions & { readonly name: string },
): Promise<ContainerRecord> {
  const { paths } = context;
  throwIfAborted(signal);
  using _held = await lockNames(paths);
  const record = await findRecord(paths, id);
  if (record === undefined) throw noSuchContainer(called);
  if (record.name === name) throw sameName(record);
  if (!claimLockedName(paths, id, name)) throw nameInUse(paths, name);
  const renamed = { ...record, name };
  const durable = !record.remove;
  try {
    if (durable) await syncDirectory(paths.names);
    await writeAtomic(recordPath(paths, id), encodeRecord(renamed), { durable, mode: 0o600 });
  } catch (error) {
    const counts = await findRecord(paths, id).catch(() => record);
    if (counts?.name !== name) releaseLockedName(paths, id, name);
    throw isMissing(error) ? noSuchContainer(called) : error;
  }
  releaseLockedName(paths, id, record.name);
  recordContainer(context, "rename", {
    container: renamed,
    attributes: { oldName: `/${record.name}` },
  });
  return renamed;
}

/** Docker's rule. */
function sameName({ id, name }: ContainerRecord): MarmitaError {
  return new MarmitaError("INVALID_ARGUMENT", `container ${name} has this name already`, {
    details: { container: id, name },
  });
}
