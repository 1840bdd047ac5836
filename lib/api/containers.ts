/** ps(), inspect() and rm(): containers by name, id, or a unique start of an id. */
import type { ContainerSummary } from "../engine/containers.ts";
import type { ContainerInspection } from "../engine/inspect.ts";
import type { RemoveOptions } from "../engine/remove.ts";
import { type ApiOptions, engineOf } from "./default-engine.ts";

/** All containers there are, the newest first. */
export async function ps(options: ApiOptions = {}): Promise<readonly ContainerSummary[]> {
  const { containers } = await engineOf(options);
  return containers.list();
}

/** What `docker inspect` prints. Throws `NOT_FOUND`. */
export async function inspect(
  container: string,
  options: ApiOptions = {},
): Promise<ContainerInspection> {
  const { containers } = await engineOf(options);
  return (await containers.get(container)).inspect();
}

/** Throws `NOT_FOUND`; `CONFLICT` when it runs, unless `force` kills it. */
export async function rm(
  container: string,
  options: RemoveOptions & ApiOptions = {},
): Promise<void> {
  const { engine, root, ...rest } = options;
  const { containers } = await engineOf({ engine, root });
  await containers.remove(container, rest);
}
