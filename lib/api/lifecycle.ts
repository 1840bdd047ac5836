/** What is done with containers by name, id, or a unique start of an id: rename(). */
import type { RenameOptions } from "../engine/rename.ts";
import { type ApiOptions, engineOf } from "./default-engine.ts";

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
