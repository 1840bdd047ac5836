/** The first process of a container that runs, for what needs one. */
import { MarmitaError } from "../errors.ts";
import { readProcessStat } from "../runtime/processes.ts";
import type { EngineContext } from "./context.ts";
import { noSuchContainer } from "./find.ts";
import { lookAtLive } from "./live.ts";
import { type ContainerRecord, findExit, findRecord } from "./records.ts";
import { deriveState } from "./state.ts";

export interface FirstProcess {
  /** As this machine counts. */
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: with it the number is that process's and no other's. */
  readonly startTicks: number;
}

/** Throws `CONFLICT` for a container that does not run, `NOT_FOUND` for one that was removed. */
export async function runningProcess(
  context: EngineContext,
  record: ContainerRecord,
): Promise<FirstProcess> {
  const found = findRunning(context, record);
  if (found !== undefined) return found;
  if ((await findRecord(context.paths, record.id)) === undefined)
    throw noSuchContainer(record.name);
  const { status } = deriveState({
    exit: await findExit(context.paths, record.id),
    live: undefined,
  });
  throw new MarmitaError("CONFLICT", `container ${record.name} is not running`, {
    details: { container: record.id, state: status },
  });
}

/** The same, without a throw when it does not run. */
export function findRunning(
  { paths }: EngineContext,
  { id }: Pick<ContainerRecord, "id">,
): FirstProcess | undefined {
  const live = lookAtLive(paths, id);
  const { pid, pidStart } = live?.content ?? {};
  if (live?.isHeld !== true || pid === undefined || pidStart === undefined) return undefined;
  const stat = readProcessStat(pid);
  // After a crash its number may be another's.
  return stat?.startTicks === pidStart && stat.state !== "Z"
    ? { pid, startTicks: pidStart }
    : undefined;
}
