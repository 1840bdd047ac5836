/** create(), and what is done with containers by name, id, or a unique start of an id: rename(). */
import type { Container } from "../engine/container.ts";
import type { ContainerOptions } from "../engine/container-options.ts";
import type { RenameOptions } from "../engine/rename.ts";
import { type ApiOptions, engineOf } from "./default-engine.ts";

/**
 * Make a container, not yet started: `start()`, or its method, does that, as often as wanted. It
 * stays when this process ends. Throws `NOT_FOUND` for the image, `ALREADY_EXISTS` for the name.
 */
export async function create(
  image: string,
  command?: readonly string[],
  options: ContainerOptions & { readonly signal?: AbortSignal } & ApiOptions = {},
): Promise<Container> {
  const { engine, root, ...rest } = options;
  const { containers } = await engineOf({ engine, root });
  return containers.create({ ...rest, image, ...(command === undefined ? {} : { command }) });
}

/**
 * Give a container another name, running or not. Throws `NOT_FOUND`, `ALREADY_EXISTS` when the name
 * is another container's, and `INVALID_ARGUMENT` when it is no name, or its own.
 */
export async function rename(
  container: string,
  name: string,
  options: RenameOptions & ApiOptions = {},
): Promise<void> {
  const { engine, root, ...rest } = options;
  const { containers } = await engineOf({ engine, root });
  await (await containers.get(container)).rename(name, rest);
}
