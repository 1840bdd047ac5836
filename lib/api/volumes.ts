/** createVolume(), volumes(), inspectVolume(), removeVolume() and pruneVolumes(): what outlives its containers. */
import type { PrunedVolumes, PruneVolumesOptions } from "../engine/prune.ts";
import type {
  CreateVolumeOptions,
  RemoveVolumeOptions,
  Volume,
  VolumeInspection,
} from "../engine/volume.ts";
import type { VolumeFilters } from "../engine/volume-filter.ts";
import { type ApiOptions, engineOf } from "./default-engine.ts";

/**
 * Make a volume. The one of that name, when there is one, is returned as it is. Without a name it
 * gets 64 hexadecimal digits and is anonymous. Throws `INVALID_ARGUMENT` for a name none can have.
 */
export async function createVolume(
  name?: string,
  options: CreateVolumeOptions & ApiOptions = {},
): Promise<Volume> {
  const { engine, root, ...rest } = options;
  return (await engineOf({ engine, root })).volumes.create(name, rest);
}

/** All volumes there are, or those that the filters leave, sorted by name. */
export async function volumes(
  options: VolumeFilters & ApiOptions = {},
): Promise<readonly Volume[]> {
  const { engine, root, ...filters } = options;
  return (await engineOf({ engine, root })).volumes.list(filters);
}

/** What `docker volume inspect` prints. Throws `NOT_FOUND`. */
export async function inspectVolume(
  name: string,
  options: ApiOptions = {},
): Promise<VolumeInspection> {
  return (await engineOf(options)).volumes.inspect(name);
}

/** With all that is in it. Throws `NOT_FOUND`; `CONFLICT` while a container has it. */
export async function removeVolume(
  name: string,
  options: RemoveVolumeOptions & ApiOptions = {},
): Promise<void> {
  const { engine, root, ...rest } = options;
  await (await engineOf({ engine, root })).volumes.remove(name, rest);
}

/** Anonymous volumes that no container has; with `all`, also those with a name. */
export async function pruneVolumes(
  options: PruneVolumesOptions & ApiOptions = {},
): Promise<PrunedVolumes> {
  const { engine, root, ...rest } = options;
  return (await engineOf({ engine, root })).volumes.prune(rest);
}
