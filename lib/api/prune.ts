/** Room: how much images, containers and volumes take, and how to have more of it. */
import type {
  PruneContainersOptions,
  PruneImagesOptions,
  PruneSystemOptions,
  PrunedContainers,
  PrunedSystem,
} from "../engine/prune.ts";
import type { DiskUsage } from "../engine/usage.ts";
import type { PrunedImages } from "../images/prune.ts";
import { type ApiOptions, engineOf } from "./default-engine.ts";

/** How many bytes images, containers and volumes take, and how many of them are free for the asking. */
export async function diskUsage(options: ApiOptions = {}): Promise<DiskUsage> {
  return (await engineOf(options)).diskUsage();
}

/** Images without a name, or all, that no container needs; and what killed processes left of images. */
export async function pruneImages(
  options: PruneImagesOptions & ApiOptions = {},
): Promise<PrunedImages> {
  const { engine, root, ...rest } = options;
  return (await engineOf({ engine, root })).images.prune(rest);
}

/** Containers that do not run, with what they wrote; volumes stay. */
export async function pruneContainers(
  options: PruneContainersOptions & ApiOptions = {},
): Promise<PrunedContainers> {
  const { engine, root, ...rest } = options;
  return (await engineOf({ engine, root })).containers.prune(rest);
}

/** Both, then anonymous volumes where asked for, and all other leftovers. */
export async function pruneSystem(
  options: PruneSystemOptions & ApiOptions = {},
): Promise<PrunedSystem> {
  const { engine, root, ...rest } = options;
  return (await engineOf({ engine, root })).prune(rest);
}
